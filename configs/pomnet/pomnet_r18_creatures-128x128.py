_base_ = [
    '../_base_/creatures_comparison.py',
    '../_base_/models/pomnet_r50.py',
]

model = dict(
    backbone=dict(_base_.small_backbone, _delete_=True),
    support_backbone=dict(_base_.small_backbone, _delete_=True),
    head=dict(
        in_channels=128,
        input_size=(128, 128),
        embed_dims=96,
        num_heads=4,
        num_encoder_layers=2,
        num_decoder_layers=2,
        feedforward_channels=192,
        deconv_channels=32,
        num_slots=10,
    ),
)
