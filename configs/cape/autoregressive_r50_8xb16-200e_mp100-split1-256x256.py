_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mp100_episodes.py',
    '../_base_/models/autoregressive_r50.py',
    '../_base_/schedules/adamw_cosine_200e.py',
]

# Options, from the environment:
#   CAPE_EMA=0.0005     validate, save and test an exponential moving average
#   CAPE_PATIENCE=6     stop after 6 validations (30 epochs) without a gain of
#   CAPE_MIN_DELTA=0.001  0.1 points of PCK
ema_momentum = {{'$CAPE_EMA:0'}}
patience = {{'$CAPE_PATIENCE:0'}}
min_delta = {{'$CAPE_MIN_DELTA:0.001'}}

default_hooks = dict(checkpoint=dict(interval=5))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.ScheduledSamplingHook'),
    dict(type='cape_mm.PairListHook'),
    dict(
        type='cape_mm.EpisodeSummaryHook',
        expectation='no published run of this config yet',
        val_note='unseen categories, published pairs, autoregressive',
    ),
]
if ema_momentum:
    custom_hooks.append(
        dict(type='EMAHook', momentum=ema_momentum, update_buffers=True)
    )
if patience:
    custom_hooks.append(
        dict(
            type='cape_mm.ResumableEarlyStoppingHook',
            monitor='PCK',
            rule='greater',
            min_delta=min_delta,
            patience=patience,
            strict=True,
        )
    )
