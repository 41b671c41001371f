# AdamW, warm-up, cosine. The learning rate is for 128 episodes per update
# (8 GPUs x 16). Another batch size, one of
#   --auto-scale-lr                                   (scales lr)
#   --cfg-options optim_wrapper.accumulative_counts=8 (1 GPU, same lr)
max_epochs = 200
# The backbone is pretrained: a tenth of the learning rate.
# MMEngine ignores `norm_decay_mult` where a custom key matches, so the norms
# of the backbone, a ResNet, need keys of their own. The longest match counts.
backbone = dict(lr_mult=0.1)
backbone_norm = dict(lr_mult=0.1, decay_mult=0.0)

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'backbone': backbone,
            '.bn1.weight': backbone_norm,
            '.bn1.bias': backbone_norm,
            '.bn2.weight': backbone_norm,
            '.bn2.bias': backbone_norm,
            '.bn3.weight': backbone_norm,
            '.bn3.bias': backbone_norm,
            '.downsample.1.': backbone_norm,
        },
    ),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1000),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=0,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=128)
