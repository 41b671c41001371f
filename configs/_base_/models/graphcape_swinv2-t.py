# GraphCape (ECCV 2024) on SwinV2-T. Pretrained weights of the backbone:
# configs/graphcape/README.md.
model = dict(
    type='cape_mm.CapeEstimator',
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='cape_mm.SwinV2', input_size=256),
    head=dict(
        type='cape_mm.MatchingRefinementHead',
        input_size=(256, 256),
        sigma=1.0,
        loss_coords=dict(
            type='cape_mm.KeypointL1Loss', loss_weight=1.0, reduction='sum'
        ),
        in_channels=768,
        feedforward_channels=768,
        graph='pre',
        loss_heatmap=dict(type='cape_mm.SimilarityMSELoss', sigma=1.0),
    ),
    train_cfg=dict(separate_roles=True),
)
