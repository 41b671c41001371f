# The model of the default data, as small as it can be and still work: two
# categories of four images each, one support, two queries. The weights in
# `checkpoint.pth` are of a training on other images of these categories.
_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/models/autoregressive_r18-gn.py',
]

data_root = '{{fileDirname}}'
input_size = (64, 64)
embed_dims = 24

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
    neck=dict(in_channels=[8, 16], out_channels=embed_dims, num_outs=2),
    head=dict(
        embed_dims=embed_dims,
        num_heads=2,
        num_levels=2,
        num_encoder_layers=1,
        num_decoder_layers=2,
    ),
)

test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.EpisodeDataset',
        dataset=dict(
            type='cape_mm.MP100Dataset',
            data_root=data_root,
            ann_file='annotations.json',
        ),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='TopdownAffine', input_size=input_size),
            dict(
                type='GenerateTarget',
                encoder=dict(
                    type='cape_mm.NormalizedLabel', input_size=input_size
                ),
            ),
            dict(type='PackPoseInputs'),
        ],
        num_shots=1,
        num_queries=2,
        num_episodes=8,
        test_mode=True,
    ),
)
test_evaluator = [
    dict(type='cape_mm.EpisodePCK', extras=('NME', 'EPE', 'AUC')),
    dict(type='cape_mm.TeacherForcingGap'),
]
test_cfg = dict()
