_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/unet_lite0_coarse_to_fine.py',
    '../_base_/datasets/cephalometric_isbi2015_512x640.py',
    '../_base_/schedules/adamw_cosine_ceph_20e.py',
]

# Real cephalograms in a quarter of an hour of a CPU, from ImageNet weights:
# a U-Net at 256 x 320 pixels, and a second stage that samples the cephalogram
# of 512 x 640 around each landmark.
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
        patience=5,
        strict=True,
    ),
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.ValidationTrendHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.CollapseMonitorHook', action='stop'),
]
