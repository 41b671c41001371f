# A PAVE-Net with track queries, as small as it can be and still work: two
# videos of eight frames. The weights in `checkpoint.pth` are of a training on
# others.
_base_ = [
    '../../../../configs/_base_/tracking_runtime.py',
    '../../../../configs/_base_/models/pavenet_r18-gn.py',
]

data_root = '{{fileDirname}}'
embed_dims = 16
layers = dict(num_heads=2, feedforward_dims=32)

model = dict(
    backbone=dict(
        base_channels=8,
        stem_channels=8,
        num_stages=2,
        strides=(1, 2),
        dilations=(1, 1),
        out_indices=(0, 1),
        norm_cfg=dict(num_groups=4),
    ),
    neck=dict(
        in_channels=[16],
        out_channels=embed_dims,
        norm_cfg=dict(num_groups=4),
        num_outs=2,
    ),
    encoder=dict(embed_dims=embed_dims, num_levels=2, **layers),
    head=dict(
        embed_dims=embed_dims,
        num_levels=2,
        num_queries=10,
        decoder=dict(num_layers=2, **layers),
        keypoint_decoder=dict(num_layers=1, **layers),
        heatmap=dict(finer_channels=8),
    ),
    tracker=dict(birth_thr=0.4, keep_thr=0.4, duplicate_oks=0.4),
)

test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='cape_mm.VideoSampler'),
    dataset=dict(
        type='cape_mm.PoseTrackClipDataset',
        data_root=data_root,
        ann_file='annotations',
        num_frames={{_base_.num_frames}},
        test_mode=True,
        pipeline=[
            dict(type='cape_mm.LoadClipImages'),
            dict(type='cape_mm.WarpClip'),
            dict(type='cape_mm.PackClipInputs'),
        ],
    ),
)
test_evaluator = [
    dict(
        type='cape_mm.PoseTrackMetric',
        thresholds=(0.5, 1.0),
        visibility_thr=0.5,
    ),
]
test_cfg = dict()
