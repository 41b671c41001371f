# Clips of PoseTrack; a child names data_root and ann_file. Random steps are
# drawn once per clip, for all of its frames.
num_windows = 2
train_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.RandomClipPhotometric'),
    dict(type='cape_mm.RandomClipAffine', rotation=30),
    dict(type='cape_mm.RandomClipFlip'),
    dict(
        type='cape_mm.RandomClipPolicy',
        policies=[
            [
                dict(
                    type='cape_mm.ClipResize',
                    long_edge=1200,
                    short_edge=(400, 1200),
                )
            ],
            [
                dict(
                    type='cape_mm.ClipResize',
                    long_edge=4200,
                    short_edge=(400, 600),
                ),
                dict(type='cape_mm.RandomClipCrop', size_range=(384, 600)),
                dict(
                    type='cape_mm.ClipResize',
                    long_edge=1200,
                    short_edge=(400, 1200),
                ),
            ],
        ],
    ),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]
test_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.ClipResize', long_edge=1333, short_edge=800),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]

train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.PoseTrackClipDataset',
        data_root='data/posetrack18',
        ann_file='annotations/train',
        num_windows=num_windows,
        num_frames=3,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='cape_mm.VideoSampler'),
    dataset=dict(
        type='cape_mm.PoseTrackClipDataset',
        data_root='data/posetrack18',
        ann_file='annotations/val',
        num_frames=3,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

# Visibility is not predicted: uncertain keypoints are left out instead.
val_evaluator = [dict(type='cape_mm.PoseTrackMetric', keypoint_score_thr=0.1)]
test_evaluator = val_evaluator
