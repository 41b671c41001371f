_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Features of stride 16 alone, as the published methods have them.
model = dict(
    backbone=dict(out_indices=(2,)),
    neck=dict(in_channels=[128], num_outs=1),
    head=dict(num_levels=1),
)
