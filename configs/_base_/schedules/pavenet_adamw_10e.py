# As documented for training with track queries: AdamW, gradients clipped at
# 0.1, one update for 8 clips, a tenth of the rate for the backbone and for
# the offsets of deformable attention.
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-5, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=0.1),
            # `sampling_offsets` of the encoder, `offsets` of the decoders
            'offsets': dict(lr_mult=0.1),
        }
    ),
    clip_grad=dict(max_norm=0.1),
    accumulative_counts=8,
)
param_scheduler = [dict(type='MultiStepLR', milestones=[7], gamma=0.1)]
auto_scale_lr = dict(enable=False, base_batch_size=1)
