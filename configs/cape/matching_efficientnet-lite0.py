_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes.py',
    '../_base_/models/matching_lite0.py',
]

# Nothing is trained and no checkpoint is needed:
#   MP100_ROOT=... python tools/test.py \
#   configs/cape/matching_efficientnet-lite0.py
codec = dict(type='cape_mm.NormalizedLabel', input_size=(384, 384))

test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_cfg = dict()

train_dataloader = None
val_dataloader = None
val_evaluator = None
