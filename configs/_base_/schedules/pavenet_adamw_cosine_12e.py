# For training from random initialisation on a CPU: AdamW, one update per
# batch, warm-up and cosine. Another length needs `train_cfg.max_epochs`,
# `param_scheduler.1.T_max` and `param_scheduler.1.end`.
max_epochs = 12
lr = 2e-3
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=4)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=lr, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=2)
