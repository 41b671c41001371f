# ResNet-50 with the usual ImageNet weights. Offline or from random
# initialisation: --cfg-options model.backbone.init_cfg=None
# Batch norm keeps its pretrained statistics (`norm_eval`): an episode is too
# small a batch to estimate them.
embed_dims = 256

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
        depth=50,
        out_indices=(1, 2, 3),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(
        type='FPN',
        in_channels=[512, 1024, 2048],
        out_channels=embed_dims,
        num_outs=3,
    ),
    head=dict(
        type='cape_mm.AutoregressiveKeypointHead',
        embed_dims=embed_dims,
        num_heads=8,
        num_levels=3,
        loss_coords=dict(type='cape_mm.KeypointL1Loss', loss_weight=5.0),
        loss_ce_weight=1.0,
        loss_heatmap=dict(
            type='cape_mm.HeatmapKLLoss', sigma=1.0, loss_weight=1.0
        ),
    ),
    test_cfg=dict(teacher_forced=True),
)
