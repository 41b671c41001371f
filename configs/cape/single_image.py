_base_ = [
    '../_base_/cape_runtime.py',
    '../_base_/datasets/one_category_episodes.py',
    '../_base_/models/autoregressive_r18-gn.py',
    '../_base_/schedules/adamw_cosine_20e.py',
]

# One image is support and query, in training and in validation: a sound
# model memorises it. Chosen without editing this file:
#   CAPE_DATA_ROOT=... CAPE_ANN_FILE=... CAPE_CATEGORY=17 CAPE_IMAGE_INDEX=0 \
#   CAPE_EPOCHS=50 python tools/train.py configs/cape/single_image.py
episodes_per_epoch = __import__('cape_mm').env('CAPE_EPISODES_PER_EPOCH', 20)
codec = dict(type='cape_mm.NormalizedLabel', input_size=(256, 256))

# no augmentation, always the same image
pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
single_image = dict(
    type='cape_mm.SingleImageEpisodeDataset',
    image_index=__import__('cape_mm').env('CAPE_IMAGE_INDEX', '0'),
    pipeline=pipeline,
)
train_dataloader = dict(
    batch_size=1,
    dataset=dict(num_episodes=episodes_per_epoch, **single_image),
)
val_dataloader = dict(
    batch_size=1, dataset=dict(num_episodes=1, **single_image)
)
test_dataloader = val_dataloader
auto_scale_lr = dict(enable=False, base_batch_size=1)

default_hooks = dict(
    logger=dict(interval=episodes_per_epoch),
    summary=dict(
        expectation='PCK 100 % on this image well before the last epoch, '
        'total loss below 0.1 at the end',
        val_note='same image, autoregressive',
    ),
)
