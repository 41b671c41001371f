# Unseen categories of the synthetic creatures, 128 x 128. The default dataset
# is written on first use; another one of this layout:
#   CAPE_DATA_ROOT=... python tools/train.py configs/cape/...
data_root = __import__('cape_mm').env('CAPE_DATA_ROOT', 'data/creatures')
iterations_per_epoch = __import__('cape_mm').env(
    'CAPE_ITERATIONS_PER_EPOCH', 250
)
batch_size = 8
codec = dict(type='cape_mm.NormalizedLabel', input_size=(128, 128))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='cape_mm.RandomScaleRotation'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='cape_mm.RandomCategoryView'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
instances = dict(type='cape_mm.CreaturesDataset', data_root=data_root)
unseen_episodes = dict(
    type='cape_mm.EpisodeDataset',
    pipeline=test_pipeline,
    num_shots=1,
    num_queries=5,
    test_mode=True,
)
unseen_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
)

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            ann_file='annotations/mp100_split1_train.json', **instances
        ),
        pipeline=train_pipeline,
        num_shots=1,
        num_queries=2,
        num_episodes=iterations_per_epoch * batch_size,
    ),
)
val_dataloader = dict(
    dataset=dict(
        dataset=dict(
            ann_file='annotations/mp100_split1_val.json', **instances
        ),
        num_episodes=100,
        **unseen_episodes,
    ),
    **unseen_dataloader,
)
# K shots with any checkpoint: test_dataloader.dataset.num_shots=5
test_dataloader = dict(
    dataset=dict(
        dataset=dict(
            ann_file='annotations/mp100_split1_test.json', **instances
        ),
        num_episodes=400,
        **unseen_episodes,
    ),
    **unseen_dataloader,
)

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = val_evaluator
