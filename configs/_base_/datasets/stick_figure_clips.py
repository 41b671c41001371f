# Clips of synthetic stick figures, written on first use; other data of this
# layout: PAVENET_DATA_ROOT=... python tools/train.py configs/pavenet/...
data_root = __import__('cape_mm').env(
    'PAVENET_DATA_ROOT', 'data/stick_figures'
)
iterations_per_epoch = 370
batch_size = 2
num_windows = 2

# Not mirrored: sides differ by their light, which a mirror would exchange.
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
