_base_ = ['./pavenet_r50.py']

# The same with Swin-L. Its usual weights, pretrained on ImageNet-22k.
model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        window_size=12,
        drop_path_rate=0.5,
        out_indices=(1, 2, 3),
        convert_weights=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://github.com/SwinTransformer/storage/releases/'
            'download/v1.0.0/swin_large_patch4_window12_384_22k.pth',
        ),
    ),
    neck=dict(in_channels=[384, 768, 1536]),
)
