# EdgeCape, first stage: along the given skeleton, on frozen features of
# DINOv2. Pretrained weights: configs/edgecape/README.md.
model = dict(
    type='cape_mm.CapeEstimator',
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='cape_mm.DINOv2'),
    head=dict(
        type='cape_mm.MatchingRefinementHead',
        input_size=(224, 224),
        sigma=1.0,
        loss_coords=dict(
            type='cape_mm.KeypointL1Loss', loss_weight=1.0, reduction='sum'
        ),
        in_channels=384,
        feedforward_channels=384,
        graph='pre',
        edges_normalized_by='receiver',
        self_attention_position=False,
    ),
    train_cfg=dict(separate_roles=True),
)
