_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes_sigma2.py',
    '../_base_/models/pomnet_r50.py',
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
train_cfg = dict(max_epochs=210)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=500),
    dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=256)

default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='PCK@0.2 of follow-up work, this split: 84.23 (1-shot)',
        val_note='unseen categories, published pairs',
    ),
)
