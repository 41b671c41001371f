_base_ = [
    '../_base_/cape_runtime.py',
    '../_base_/datasets/mp100_episodes.py',
    '../_base_/models/autoregressive_r50.py',
    '../_base_/schedules/adamw_cosine_200e.py',
]

# An exponential moving average of the weights, and early stopping, are options
# of the command line: docs/en/training.md.
default_hooks = dict(
    checkpoint=dict(interval=5),
    pair_list=dict(type='cape_mm.PairListHook'),
    summary=dict(
        expectation='no published run of this config yet',
        val_note='unseen categories, published pairs, autoregressive',
    ),
)
