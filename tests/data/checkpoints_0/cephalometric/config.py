# HRNetV2 with a heatmap head, as small as it can be and still work: six
# cephalograms. The weights in `checkpoint.pth` are of a training on others.
_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/models/hrnetv2_w18_small.py',
]

data_root = '{{fileDirname}}'
codec = dict(
    type='UDPHeatmap',
    input_size=(64, 96),
    heatmap_size=(32, 48),
    sigma=1.5,
    blur_kernel_size=7,
)

model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(1,), num_channels=(4,)),
            stage2=dict(num_blocks=(1, 1), num_channels=(4, 8)),
            stage3=dict(num_blocks=(1, 1, 1), num_channels=(4, 8, 8)),
            stage4=dict(num_blocks=(1, 1, 1, 1), num_channels=(4, 8, 8, 8)),
        ),
    ),
    head=dict(
        in_channels=28,
        out_channels=23,
        deconv_out_channels=(12,),
        deconv_kernel_sizes=(4,),
        conv_out_channels=None,
        conv_kernel_sizes=None,
        decoder=codec,
    ),
)

test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalometricDataset',
        schema='cephalogram23',
        data_root=data_root,
        ann_file='annotations.json',
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale', padding=1.0),
            dict(
                type='TopdownAffine',
                input_size=codec['input_size'],
                use_udp=True,
            ),
            dict(
                type='PackPoseInputs',
                meta_keys=(
                    *('id', 'img_id', 'img_path', 'category_id', 'ori_shape'),
                    *('img_shape', 'input_size', 'input_center'),
                    *('input_scale', 'flip_indices', 'dataset_name'),
                    *('spacing', 'spacing_source', 'device', 'subject'),
                ),
            ),
        ],
    ),
)
test_evaluator = [
    dict(type='cape_mm.CephalometricMetric', bootstrap=dict()),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
test_cfg = dict()
