_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/autoregressive_r18-gn.py',
]

# One image is support and query, in training and in validation: a sound
# model memorises it. Chosen without editing this file:
#   CAPE_DATA_ROOT=... CAPE_ANN_FILE=... CAPE_CATEGORY=17 CAPE_IMAGE_INDEX=0 \
#   CAPE_EPOCHS=50 python tools/train.py configs/cape/single_image.py
# The default dataset is drawn on first use.
data_root = '{{$CAPE_DATA_ROOT:data/creatures}}'
ann_file = '{{$CAPE_ANN_FILE:annotations/mp100_split1_train.json}}'
category_id = '{{$CAPE_CATEGORY:1}}'
image_index = '{{$CAPE_IMAGE_INDEX:0}}'

input_size = (256, 256)
max_epochs = {{'$CAPE_EPOCHS:20'}}
episodes_per_epoch = {{'$CAPE_EPISODES_PER_EPOCH:20'}}
queries_per_episode = 1
batch_size = 1
lr = 5e-4

# data: no augmentation, always the same image
pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=input_size),
    dict(
        type='GenerateTarget',
        encoder=dict(type='cape_mm.NormalizedLabel', input_size=input_size),
    ),
    dict(type='PackPoseInputs'),
]
single_image = dict(
    type='cape_mm.SingleImageEpisodeDataset',
    dataset=dict(
        type='cape_mm.CreaturesDataset', data_root=data_root, ann_file=ann_file
    ),
    pipeline=pipeline,
    category_id=category_id,
    image_index=image_index,
    num_queries=queries_per_episode,
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(num_episodes=episodes_per_epoch, **single_image),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(num_episodes=1, test_mode=True, **single_image),
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = val_evaluator

# schedule
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=lr, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=20),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=0,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=1)

default_hooks = dict(logger=dict(interval=episodes_per_epoch))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.ScheduledSamplingHook'),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='PCK 100 % on this image well before the last epoch, '
        'total loss below 0.1 at the end',
        val_note='same image, autoregressive',
    ),
]
