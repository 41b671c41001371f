# CapeFormer (CVPR 2023): ResNet-50, whose batch norm is trained, in separate
# passes for supports and queries.
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
        out_indices=(3,),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    head=dict(
        type='cape_mm.MatchingRefinementHead',
        in_channels=2048,
        input_size=(256, 256),
        feedforward_channels=2048,
        sigma=2.0,
        identifiers=True,
        num_slots=100,
        loss_coords=dict(
            type='cape_mm.KeypointL1Loss', loss_weight=1.0, reduction='sum'
        ),
        loss_heatmap=dict(type='cape_mm.SimilarityMSELoss', sigma=2.0),
    ),
    train_cfg=dict(separate_roles=True),
)
