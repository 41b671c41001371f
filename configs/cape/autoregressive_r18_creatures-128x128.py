_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/autoregressive_r18-gn.py',
]

# Unseen categories in a quarter of an hour on two CPU cores, from random
# initialisation. The embedded data by default; another dataset of this
# layout:
#   CAPE_DATA_ROOT=... python tools/train.py configs/cape/...
data_root = '{{$CAPE_DATA_ROOT:data/creatures}}'
input_size = (128, 128)
max_epochs = {{'$CAPE_EPOCHS:10'}}
iterations_per_epoch = {{'$CAPE_ITERATIONS_PER_EPOCH:250'}}
batch_size = 8
lr = 1.2e-3

# Two stages of features, 8 and 16 pixels per cell: 128 pixels have no use for
# coarser ones.
embed_dims = 96
model = dict(
    backbone=dict(
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(1, 2),
    ),
    neck=dict(in_channels=[64, 128], out_channels=embed_dims, num_outs=2),
    head=dict(embed_dims=embed_dims, num_levels=2, num_decoder_layers=2),
    # every image of an episode is support and query in turn
    train_cfg=dict(rotate_roles=True),
)

read = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
]
pack = [
    dict(
        type='GenerateTarget',
        encoder=dict(type='cape_mm.NormalizedLabel', input_size=input_size),
    ),
    dict(type='PackPoseInputs'),
]
train_pipeline = [
    *read,
    dict(type='cape_mm.RandomScaleRotation'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='cape_mm.RandomCategoryView'),
    *pack,
]
test_pipeline = [
    *read,
    dict(type='TopdownAffine', input_size=input_size),
    *pack,
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.CreaturesDataset',
            data_root=data_root,
            ann_file='annotations/mp100_split1_train.json',
        ),
        pipeline=train_pipeline,
        num_shots=1,
        num_queries=2,
        num_episodes=iterations_per_epoch * batch_size,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.CreaturesDataset',
            data_root=data_root,
            ann_file='annotations/mp100_split1_val.json',
        ),
        pipeline=test_pipeline,
        num_shots=1,
        num_queries=5,
        num_episodes=100,
        test_mode=True,
    ),
)
# K shots with any checkpoint: test_dataloader.dataset.num_shots=5
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.CreaturesDataset',
            data_root=data_root,
            ann_file='annotations/mp100_split1_test.json',
        ),
        pipeline=test_pipeline,
        num_shots=1,
        num_queries=5,
        num_episodes=400,
        test_mode=True,
    ),
)

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=lr, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)

custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.ScheduledSamplingHook'),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        val_note='unseen categories, autoregressive',
    ),
]
