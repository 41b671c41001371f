_base_ = [
    '../_base_/creatures_comparison.py',
    '../_base_/models/metapoint_r50.py',
]

model = dict(
    backbone=dict(_base_.small_backbone, out_indices=(0, 1, 2), _delete_=True),
    head=dict(
        in_channels=(32, 64, 128),
        input_size=(128, 128),
        embed_dims=96,
        encoder_heads=4,
        encoder_channels=192,
        num_layers=2,
        num_meta_points=64,
        num_slots=20,
    ),
    train_cfg=dict(separate_roles=False, rotate_roles=True),
)
