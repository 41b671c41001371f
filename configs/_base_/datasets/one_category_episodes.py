# Episodes of one category of a dataset in MP-100 layout, the same instances in
# training and validation. Chosen without editing a file:
#   CAPE_DATA_ROOT=... CAPE_ANN_FILE=... CAPE_CATEGORY=17 \
#   python tools/train.py configs/cape/single_image.py
# The default dataset is written on first use. A config adds the type of the
# episodes, their pipeline and number, and the batch sizes.
data_root = __import__('cape_mm').env('CAPE_DATA_ROOT', 'data/creatures')
ann_file = __import__('cape_mm').env(
    'CAPE_ANN_FILE', 'annotations/mp100_split1_train.json'
)
category_id = __import__('cape_mm').env('CAPE_CATEGORY', '1')

episodes = dict(
    dataset=dict(
        type='cape_mm.CreaturesDataset', data_root=data_root, ann_file=ann_file
    ),
    category_id=category_id,
    num_queries=1,
)
train_dataloader = dict(
    num_workers=0,
    sampler=dict(type='cape_mm.SeededSampler'),
    dataset=episodes,
)
val_dataloader = dict(
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(test_mode=True, **episodes),
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='cape_mm.EpisodePCK'),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_evaluator = val_evaluator
