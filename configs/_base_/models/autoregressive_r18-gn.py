# ResNet-18 of half width with group norm: made for training from random
# initialisation with small batches, on a CPU if need be. 5.0 M parameters.
embed_dims = 128

model = dict(
    type='cape_mm.CapeEstimator',
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=32,
        stem_channels=32,
        out_indices=(1, 2, 3),
        norm_cfg=dict(type='GN', num_groups=16),
        norm_eval=False,
    ),
    neck=dict(
        type='FPN',
        in_channels=[64, 128, 256],
        out_channels=embed_dims,
        num_outs=3,
    ),
    head=dict(
        type='cape_mm.AutoregressiveKeypointHead',
        embed_dims=embed_dims,
        num_heads=4,
        num_levels=3,
        loss_coords=dict(type='cape_mm.KeypointL1Loss', loss_weight=5.0),
        loss_ce_weight=1.0,
        loss_heatmap=dict(
            type='cape_mm.HeatmapKLLoss', sigma=1.0, loss_weight=1.0
        ),
    ),
    test_cfg=dict(teacher_forced=True),
)
