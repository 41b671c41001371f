_base_ = [
    '../_base_/cape_runtime.py',
    '../_base_/datasets/creatures_episodes.py',
    '../_base_/models/autoregressive_r18-gn.py',
    '../_base_/schedules/adamw_cosine_10e.py',
]

# Unseen categories in a quarter of an hour on two CPU cores, from random
# initialisation. Two stages of features, 8 and 16 pixels per cell: 128 pixels
# have no use for coarser ones.
embed_dims = 96
model = dict(
    backbone=dict(
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(1, 2),
    ),
    neck=dict(in_channels=[64, 128], out_channels=embed_dims, num_outs=2),
    head=dict(embed_dims=embed_dims, num_levels=2, num_decoder_layers=2),
    # every image of an episode is support and query in turn
    train_cfg=dict(rotate_roles=True),
)

default_hooks = dict(
    summary=dict(val_note='unseen categories, autoregressive')
)
