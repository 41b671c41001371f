_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18_small.py',
    '../_base_/datasets/cephalometric_128x160.py',
    '../_base_/schedules/adam_cosine_20e.py',
]

# Landmarks of the synthetic cephalograms in less than ten minutes on two CPU
# cores, from random initialisation. Synthetic cephalograms only: what is
# learned is of no clinical use.
model = dict(
    head=dict(
        out_channels=_base_.num_landmarks,
        # one deconvolution doubles the maps of HRNet
        deconv_out_channels=(48,),
        deconv_kernel_sizes=(4,),
        conv_out_channels=None,
        conv_kernel_sizes=None,
        decoder=_base_.codec,
    ),
)

default_hooks = dict(
    checkpoint=dict(save_best=['MRE_mm', 'PCK'], rule=['less', 'greater']),
)
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
