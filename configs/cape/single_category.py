_base_ = [
    '../_base_/cape_runtime.py',
    '../_base_/datasets/one_category_episodes.py',
    '../_base_/models/autoregressive_r18-gn.py',
    '../_base_/schedules/adamw_cosine_20e.py',
]

# One category, all its instances; support and query are different ones, in
# training and in validation, which uses the same instances. Chosen as in
# single_image.py:
#   CAPE_DATA_ROOT=... CAPE_ANN_FILE=... CAPE_CATEGORY=17 CAPE_SHOTS=1 \
#   CAPE_EPOCHS=50 python tools/train.py configs/cape/single_category.py
codec = dict(type='cape_mm.NormalizedLabel', input_size=(128, 128))

# no augmentation, the instances themselves are to be learned
pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
single_category = dict(
    type='cape_mm.SingleCategoryEpisodeDataset',
    num_shots=__import__('cape_mm').env('CAPE_SHOTS', 1),
    pipeline=pipeline,
)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        num_episodes=__import__('cape_mm').env('CAPE_EPISODES_PER_EPOCH', 80),
        **single_category,
    ),
)
val_dataloader = dict(
    batch_size=8, dataset=dict(num_episodes=40, seed=1, **single_category)
)
test_dataloader = val_dataloader
train_cfg = dict(val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=5),
    summary=dict(
        expectation='PCK 100 % on this category at the end, if it has '
        'about 20 instances; more need more epochs',
        val_note='same category and instances, autoregressive',
    ),
)
