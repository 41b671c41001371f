_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes_sigma2.py',
    '../_base_/models/scape_r50.py',
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
train_cfg = dict(max_epochs=190)
optim_wrapper = dict(
    optimizer=dict(lr=2e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1000),
    dict(
        type='CosineAnnealingLR',
        T_max=190,
        end=190,
        eta_min_ratio=1e-5,
        convert_to_iter_based=True,
    ),
]

default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='no verified number of the authors',
        val_note='unseen categories, published pairs',
    ),
)
