_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes_sigma1_224x224.py',
    '../_base_/models/edgecape_dinov2-s.py',
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
train_cfg = dict(max_epochs=100)
# the published steps lie beyond the last epoch
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1000)
]

default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='no number of the authors for this stage',
        val_note='unseen categories, published pairs',
    ),
)
