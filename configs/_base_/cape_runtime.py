_base_ = ['./default_runtime.py']

# What configs of autoregressive models share: training leads from annotated
# previous keypoints to predicted ones, and the log says what it is about.
default_hooks = dict(
    scheduled_sampling=dict(type='cape_mm.ScheduledSamplingHook'),
    summary=dict(type='cape_mm.EpisodeSummaryHook'),
)
