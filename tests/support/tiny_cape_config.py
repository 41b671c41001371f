# The real model and data pipeline, as small as they can be. The dataset is
# written by `write_creatures`; `data_root` is set by the tests.
_base_ = [
    '../../configs/_base_/default_runtime.py',
    '../../configs/_base_/models/autoregressive_r18-gn.py',
]
custom_imports = dict(
    imports=['support.record_hook'], allow_failed_imports=False
)

model = dict(
    backbone=dict(
        base_channels=8,
        stem_channels=8,
        norm_cfg=dict(type='GN', num_groups=4),
    ),
    neck=dict(in_channels=[16, 32, 64], out_channels=16),
    head=dict(embed_dims=16, num_heads=2),
)

size = (64, 64)
pipeline = [
    dict(type='LoadImage'),
    dict(type='cape_mm.RandomPhotometric'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='cape_mm.RandomScaleRotation'),
    dict(type='TopdownAffine', input_size=size),
    dict(
        type='GenerateTarget',
        encoder=dict(type='cape_mm.NormalizedLabel', input_size=size),
    ),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.MP100Dataset',
            data_root='',
            ann_file='annotations/mp100_split1_train.json',
        ),
        pipeline=pipeline,
        num_queries=2,
        num_episodes=10,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.MP100Dataset',
            data_root='',
            ann_file='annotations/mp100_split1_val.json',
        ),
        pipeline=[pipeline[0], pipeline[2], *pipeline[4:]],
        num_episodes=5,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=4),
    dict(
        type='CosineAnnealingLR',
        T_max=3,
        eta_min=0,
        convert_to_iter_based=True,
    ),
]
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.EpisodeSummaryHook'),
    dict(type='RecordHook'),
]
