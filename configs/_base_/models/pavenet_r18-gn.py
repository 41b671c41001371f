_base_ = ['../datasets/posetrack15.py']

# A small PAVE-Net with track queries, made for training from random
# initialisation on a CPU: ResNet-18 of half width with group norm.
num_frames = 3
embed_dims = 96
num_heads = 4
feedforward_dims = 192
layers = dict(num_heads=num_heads, feedforward_dims=feedforward_dims)

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
        depth=18,
        base_channels=32,
        stem_channels=32,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='GN', num_groups=16),
        norm_eval=False,
    ),
    neck=dict(
        type='mmdet.ChannelMapper',
        in_channels=[64, 128, 256],
        out_channels=embed_dims,
        kernel_size=1,
        act_cfg=None,
        norm_cfg=dict(type='GN', num_groups=16),
        num_outs=3,
    ),
    encoder=dict(
        type='cape_mm.ClipEncoder',
        embed_dims=embed_dims,
        num_levels=3,
        num_layers=1,
        num_heads=num_heads,
        num_points=2,
        feedforward_dims=feedforward_dims,
        dropout=0.0,
    ),
    finer_map=True,
    head=dict(
        type='cape_mm.PAVEHead',
        embed_dims=embed_dims,
        num_keypoints={{_base_.num_keypoints}},
        num_frames=num_frames,
        num_levels=3,
        num_queries=20,
        distinct_queries=0.25,
        decoder=dict(
            num_layers=3, detach_reference=False, sampling_radius=3, **layers
        ),
        keypoint_decoder=dict(num_layers=1, sampling_radius=3, **layers),
        heatmap=dict(loss_weight=2.0, finer_channels=32),
        criterion=dict(
            type='cape_mm.PAVECriterion',
            loss_cls=dict(
                type='mmdet.FocalLoss',
                use_sigmoid=True,
                gamma=2.0,
                alpha=0.25,
                loss_weight=4.0,
            ),
            loss_kpt=dict(type='cape_mm.FlowRLELoss', loss_weight=1.0),
            share_flow=True,
            l1_weight=70.0,
            oks_weight=2.0,
            vis_weight=1.0,
            neighbour_weight=20.0,
            metainfo={{_base_.metainfo}},
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
            max_queries=10,
            matched_always=True,
            p_false_negative=0.3,
            p_false_positive=0.3,
            reference_jitter=0.02,
            keypoint_jitter=0.01,
        ),
    ),
    tracker=dict(
        type='cape_mm.PoseQueryTracker',
        metainfo={{_base_.metainfo}},
        birth_thr=0.25,
        keep_thr=0.25,
        duplicate_oks=0.65,
        reanchor=['proposals', 'detections'],
        reanchor_oks=0.2,
    ),
)
