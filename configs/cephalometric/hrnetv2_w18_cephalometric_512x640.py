_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18.py',
    '../_base_/datasets/cephalometric_512x640.py',
    '../_base_/schedules/adam_cosine_60e.py',
]

# The recommended recipe for cephalograms: an input of their shape, all of it
# used, heatmaps that are read between their cells, errors in millimetres to
# choose by. For a GPU. README.md says how to train on other data.
model = dict(
    head=dict(
        out_channels=_base_.num_landmarks,
        loss=dict(type='AdaptiveWingLoss', use_target_weight=True),
        decoder=_base_.codec,
    ),
)

# Without known spacing there are no millimetres: then choose by pixels,
#   --cfg-options default_hooks.checkpoint.save_best=MRE
# and the same for `monitor` of custom_hooks 0, 3 and 4.
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
    dict(type='cape_mm.TrainGapHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.CollapseMonitorHook', action='stop'),
]
