_base_ = ['./mp100_episodes.py']

# As the methods that pool supports by heatmaps of sigma 1: a keypoint counts
# as long as its Gaussian reaches the heatmap.
codec = dict(type='cape_mm.ReachingLabel', input_size=(224, 224), sigma=1.0)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
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
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

val_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_evaluator = [
    dict(
        type='cape_mm.EpisodePCK',
        extras=('mPCK', 'NME', 'EPE', 'AUC'),
        bootstrap=dict(),
    ),
]
