_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Previous keypoints are annotated ones only, as they are.
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(
        type='cape_mm.ScheduledSamplingHook',
        share=(0.0, 0.0),
        noise=(0.0, 0.0),
    ),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        val_note='unseen categories, autoregressive',
    ),
]
