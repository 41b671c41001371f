_base_ = [
    '../_base_/photos_comparison.py',
    '../_base_/models/capeformer_r50.py',
]

# On frozen ImageNet features; compared with others in
# docs/en/cape_methods.md.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(_base_.backbone, _delete_=True),
    head=dict(
        in_channels=112,
        input_size=(192, 192),
        embed_dims=96,
        num_heads=4,
        feedforward_channels=192,
    ),
    train_cfg=dict(separate_roles=False, rotate_roles=True),
)
