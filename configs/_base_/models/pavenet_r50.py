_base_ = ['../datasets/posetrack15.py']

# PAVE-Net with track queries, ResNet-50: 4 levels, encoder 6, pose decoder 3,
# keypoint decoder 2 layers, as published.
num_frames = 3

model = dict(
    type='cape_mm.PAVENet',
    data_preprocessor=dict(
        type='cape_mm.ClipDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(
        type='mmdet.ChannelMapper',
        in_channels=[512, 1024, 2048],
        out_channels=256,
        kernel_size=1,
        act_cfg=None,
        norm_cfg=dict(type='GN', num_groups=32),
        num_outs=4,
    ),
    encoder=dict(
        type='cape_mm.ClipEncoder',
        embed_dims=256,
        num_levels=4,
        num_layers=6,
        num_heads=8,
        feedforward_dims=1024,
        dropout=0.1,
    ),
    head=dict(
        type='cape_mm.PAVEHead',
        embed_dims=256,
        num_keypoints={{_base_.num_keypoints}},
        num_frames=num_frames,
        num_levels=4,
        num_queries=300,
        decoder=dict(
            num_layers=3, num_heads=8, feedforward_dims=1024, dropout=0.1
        ),
        keypoint_decoder=dict(
            num_layers=2, num_heads=8, feedforward_dims=1024, dropout=0.1
        ),
        criterion=dict(
            type='cape_mm.PAVECriterion',
            loss_cls=dict(
                type='mmdet.FocalLoss',
                use_sigmoid=True,
                gamma=2.0,
                alpha=0.25,
                loss_weight=0.5,
            ),
            loss_kpt=dict(type='cape_mm.FlowRLELoss', loss_weight=1.0),
        ),
        assigner=dict(
            type='cape_mm.TrackAwareHungarianAssigner',
            match_costs=[
                dict(type='mmdet.FocalLossCost', weight=2.0),
                dict(type='cape_mm.KeypointL1Cost', weight=70.0),
                dict(
                    type='cape_mm.OksCost',
                    metainfo={{_base_.metainfo}},
                    weight=7.0,
                ),
            ],
            mode='bonus',
            track_bonus=-50.0,
        ),
        sampler=dict(
            type='cape_mm.TrackQuerySampler',
            score_thr=0.4,
            max_queries=100,
            matched_always=True,
            p_false_negative=0.4,
            p_false_positive=0.1,
        ),
    ),
    tracker=dict(
        type='cape_mm.PoseQueryTracker',
        metainfo={{_base_.metainfo}},
    ),
)
