_base_ = './adam_cosine_20e.py'

# AdamW with half the learning rate for a pretrained backbone.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5))),
)
auto_scale_lr = dict(base_batch_size=4)
