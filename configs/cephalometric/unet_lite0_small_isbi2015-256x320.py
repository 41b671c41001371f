_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/unet_lite0.py',
    '../_base_/datasets/cephalometric_isbi2015_256x320.py',
    '../_base_/schedules/adamw_cosine_30e.py',
]

# Real cephalograms on two CPU cores, from ImageNet weights.
model = dict(
    head=dict(out_channels=_base_.num_landmarks, decoder=_base_.codec),
)

default_hooks = dict(checkpoint=dict(save_best='MRE_mm', rule='less'))
custom_hooks = [
    dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='MRE_mm',
        rule='less',
        min_delta=0.01,
        patience=10,
        strict=True,
    ),
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.ValidationTrendHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.CollapseMonitorHook', action='stop'),
]
