# MP-100, split 1, 1-shot, 256 x 256. A child config changes the annotation
# files, the shots or the size (see configs/cape); the folder comes from
#   MP100_ROOT=/path/to/mp100 python tools/train.py ...
# docs/en/data_preparation.md says what must be in it.
data_root = __import__('cape_mm').env('MP100_ROOT', 'data/mp100')
codec = dict(type='cape_mm.NormalizedLabel', input_size=(256, 256))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    # the augmentation of the literature: no shift, no flip
    dict(
        type='cape_mm.RandomScaleRotation', rotate_factor=15, scale_factor=0.15
    ),
    dict(type='TopdownAffine', input_size=codec['input_size']),
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

instances = dict(type='cape_mm.MP100Dataset', data_root=data_root)
workers = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=16,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            ann_file='annotations/mp100_split1_train.json', **instances
        ),
        pipeline=train_pipeline,
        num_shots=1,
        num_queries=1,
        # 70 categories x about 215 instances, as in the literature
        num_episodes=15000,
    ),
    **workers,
)
# The published pairs: 100 (validation) or 200 (test) episodes x 15 queries
# per category. One episode at a time: 16 images. With images missing,
# results are partial and must be asked for:
#   test_dataloader.dataset.dataset.missing_images=drop
#   test_dataloader.dataset.incomplete=skip
published_pairs = dict(
    type='cape_mm.PairListEpisodeDataset',
    pipeline=test_pipeline,
    num_shots=1,
    num_queries=15,
    pair_file=None,
    incomplete='error',
    test_mode=True,
)
pair_dataloader = dict(
    batch_size=1,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    **workers,
)
val_dataloader = dict(
    dataset=dict(
        dataset=dict(
            ann_file='annotations/mp100_split1_val.json', **instances
        ),
        episodes_per_category=100,
        **published_pairs,
    ),
    **pair_dataloader,
)
test_dataloader = dict(
    dataset=dict(
        dataset=dict(
            ann_file='annotations/mp100_split1_test.json', **instances
        ),
        episodes_per_category=200,
        **published_pairs,
    ),
    **pair_dataloader,
)

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = [
    dict(
        type='cape_mm.EpisodePCK',
        extras=('mPCK', 'NME', 'EPE', 'AUC'),
        bootstrap=dict(),  # 95 % interval, see the class
    ),
    dict(type='cape_mm.TeacherForcingGap'),
]
