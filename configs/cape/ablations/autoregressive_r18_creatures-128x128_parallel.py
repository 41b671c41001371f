_base_ = ['../autoregressive_r18_creatures-128x128.py']

# No keypoint depends on another one: the same weights decode all of them at
# once, in training and test.
model = dict(head=dict(autoregressive=False))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        val_note='unseen categories, parallel',
    ),
]
