_base_ = [
    '../_base_/creatures_comparison.py',
    '../_base_/models/graphcape_swinv2-t.py',
]

model = dict(
    backbone=dict(_base_.small_backbone, _delete_=True),
    head=dict(
        in_channels=128,
        input_size=(128, 128),
        embed_dims=96,
        num_heads=4,
        feedforward_channels=192,
    ),
    train_cfg=dict(separate_roles=False, rotate_roles=True),
)
