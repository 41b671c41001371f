_base_ = ['./hrnetv2_w18_cephalometric_original.py']

# The "Fixed" column of the training document, with best_PCK_epoch_X.pth and
# early stopping. Patience 5 means 5 validations, 10 epochs. What was
# repaired: docs/en/cephalometric.md. Unstable training: README.md.
work_dir = 'work_dirs/hrnetv2_w18_cephalometric_STABLE'
max_epochs = __import__('cape_mm').env('CEPH_EPOCHS', 30)

codec = dict(_base_.codec, sigma=3.0)
model = dict(head=dict(decoder=codec))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        rotate_factor=10,
        scale_factor=(0.9, 1.1),
    ),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=8)
test_dataloader = dict(batch_size=8)

train_cfg = dict(max_epochs=max_epochs, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=2e-5, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=200),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-7,
    ),
]
auto_scale_lr = dict(base_batch_size=8)

default_hooks = dict(checkpoint=dict(max_keep_ckpts=5))
custom_hooks = [
    # MMEngine cannot infer the rule for PCK, and its default `min_delta` is a
    # tenth of all PCK; `strict`: a missing score is an error
    dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='PCK',
        rule='greater',
        min_delta=0.001,
        patience=5,
        strict=True,
    ),
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.CollapseMonitorHook', action='warn'),
]
