_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes_sigma1.py',
    '../_base_/models/graphcape_swinv2-s.py',
    '../_base_/schedules/adam_steps_200e.py',
]

# Another split, by --cfg-options:
# train_dataloader.dataset.dataset.ann_file=annotations/mp100_split2_train.json
# val_dataloader.dataset.dataset.ann_file=annotations/mp100_split2_val.json
# test_dataloader.dataset.dataset.ann_file=annotations/mp100_split2_test.json
# 5 shots, by --cfg-options:
# train_dataloader.dataset.num_shots=5
# val_dataloader.dataset.num_shots=5
# test_dataloader.dataset.num_shots=5

# Vectors of the keypoints' descriptions, written by
# tools/dataset_converters/describe_keypoints.py
model = dict(
    head=dict(
        text_table=__import__('cape_mm').env(
            'CAPE_DESCRIPTIONS', 'data/descriptions.npz'
        ),
        text_channels=768,
    )
)

default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='PCK@0.2 of the authors on this split: 95.62 (gte)',
        val_note='unseen categories, published pairs',
    ),
)
