_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/autoregressive_r18-gn.py',
]

# One category, all its instances; support and query are different ones, in
# training and in validation, which uses the same instances. Chosen as in
# single_image.py:
#   CAPE_DATA_ROOT=... CAPE_ANN_FILE=... CAPE_CATEGORY=17 \
#   CAPE_EPOCHS=50 python tools/train.py configs/cape/single_category.py
# The default dataset is drawn on first use.
data_root = '{{$CAPE_DATA_ROOT:data/creatures}}'
ann_file = '{{$CAPE_ANN_FILE:annotations/mp100_split1_train.json}}'
category_id = '{{$CAPE_CATEGORY:1}}'

input_size = (128, 128)
max_epochs = {{'$CAPE_EPOCHS:20'}}
episodes_per_epoch = {{'$CAPE_EPISODES_PER_EPOCH:80'}}
shots_per_episode = {{'$CAPE_SHOTS:1'}}
batch_size = 4
lr = 5e-4

# data: no augmentation, the instances themselves are to be learned
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
single_category = dict(
    type='cape_mm.SingleCategoryEpisodeDataset',
    dataset=dict(
        type='cape_mm.CreaturesDataset', data_root=data_root, ann_file=ann_file
    ),
    pipeline=pipeline,
    category_id=category_id,
    num_shots=shots_per_episode,
    num_queries=1,
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(num_episodes=episodes_per_epoch, **single_category),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(num_episodes=40, seed=1, test_mode=True, **single_category),
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = val_evaluator

# schedule
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=5)
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
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=5))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.ScheduledSamplingHook'),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='PCK 100 % on this category at the end, if it has '
        'about 20 instances; more need more epochs',
        val_note='same category and instances, autoregressive',
    ),
]
