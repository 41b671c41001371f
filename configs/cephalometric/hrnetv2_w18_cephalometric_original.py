_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18.py',
    '../_base_/datasets/cephalometric_224x224.py',
]

# The "Original" column of the training document, repaired so that it runs:
# docs/en/cephalometric.md lists what was repaired.
max_epochs = __import__('cape_mm').env('CEPH_EPOCHS', 60)

model = dict(
    head=dict(out_channels=_base_.num_landmarks, decoder=_base_.codec)
)

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=500),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=32)

custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.CollapseMonitorHook', action='warn'),
]
