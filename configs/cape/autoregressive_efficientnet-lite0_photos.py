_base_ = [
    '../_base_/photos_comparison.py',
    '../_base_/models/autoregressive_r18-gn.py',
]

# On frozen ImageNet features; compared with others in
# docs/en/cape_methods.md. The matcher needs no training and is better.
embed_dims = 96
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(_base_.backbone, _delete_=True),
    neck=dict(in_channels=[40, 112], out_channels=embed_dims, num_outs=2),
    head=dict(embed_dims=embed_dims, num_levels=2, num_decoder_layers=2),
    train_cfg=dict(rotate_roles=True),
    test_cfg=dict(teacher_forced=False),
)
default_hooks = dict(
    scheduled_sampling=dict(type='cape_mm.ScheduledSamplingHook')
)
