_base_ = ['../autoregressive_r18_creatures-128x128.py']

# More and more previous keypoints are predicted ones, without noise.
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(
        type='cape_mm.ScheduledSamplingHook',
        share=(0.0, 1.0),
        noise=(0.0, 0.0),
    ),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        val_note='unseen categories, autoregressive',
    ),
]
