_base_ = [
    '../_base_/tracking_runtime.py',
    '../_base_/models/pavenet_r18-gn.py',
]

# Stick figures, tracked after half an hour of training on two CPU cores from
# random initialisation. The embedded videos by default; others of this layout:
#   PAVENET_DATA_ROOT=... python tools/train.py configs/pavenet/...
data_root = '{{$PAVENET_DATA_ROOT:data/stick_figures}}'
max_epochs = {{'$PAVENET_EPOCHS:12'}}
iterations_per_epoch = {{'$PAVENET_ITERATIONS_PER_EPOCH:370'}}
num_windows = 2
batch_size = 2
lr = 2e-3

# Not mirrored: sides are told apart by light, which a mirror would exchange.
train_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(
        type='cape_mm.RandomClipAffine',
        rotation=8,
        scale=(0.9, 1.12),
        shift=0.05,
    ),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]
test_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.StickFiguresDataset',
        data_root=data_root,
        ann_file='annotations/train',
        num_windows=num_windows,
        num_frames={{_base_.num_frames}},
        max_gap=2,
        clips_per_epoch=iterations_per_epoch * batch_size,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='cape_mm.VideoSampler'),
    dataset=dict(
        type='cape_mm.StickFiguresDataset',
        data_root=data_root,
        ann_file='annotations/val',
        num_frames={{_base_.num_frames}},
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(
        type='cape_mm.PoseTrackMetric',
        thresholds=(0.5, 1.0),
        visibility_thr=0.5,
    ),
]
test_evaluator = val_evaluator

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

default_hooks = dict(logger=dict(interval=25))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='EMAHook', momentum=0.003, begin_iter=100),
]
