_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes_sigma2.py',
    '../_base_/models/capeformer_r50.py',
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

default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='PCK@0.2 of the authors on this split: 89.45 (1-shot)',
        val_note='unseen categories, published pairs',
    ),
)
