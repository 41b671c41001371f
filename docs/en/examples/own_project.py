# A config of another MMPose project. All but the types with the prefix
# `cape_mm.` is MMPose's own.
default_scope = 'mmpose'

input_size = (96, 128)
codec = dict(type='RegressionLabel', input_size=input_size)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='ResNet', depth=18),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='RegressionHead',
        in_channels=512,
        num_joints=23,
        loss=dict(type='SmoothL1Loss', use_target_weight=True),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=False),
)

# a dataset and a transform of ours, the others are MMPose's
pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='cape_mm.RandomCephalogramLook'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    *pipeline[:3],
    dict(
        type='PackPoseInputs',
        # the metric's millimetres need the spacing of each image
        meta_keys=(
            *('id', 'img_id', 'img_path', 'ori_shape', 'img_shape'),
            *('input_size', 'input_center', 'input_scale', 'flip_indices'),
            'spacing',
        ),
    ),
]
dataset = dict(
    type='cape_mm.CephalogramsDataset',
    data_root='data/cephalograms',
    ann_file='annotations/cephalograms_train.json',
    schema='cephalogram23',
    pipeline=pipeline,
)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dataset,
)
val_dataloader = dict(
    batch_size=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        dataset,
        ann_file='annotations/cephalograms_val.json',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type='cape_mm.CephalometricMetric')

train_cfg = dict(by_epoch=True, max_epochs=2)
val_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
custom_hooks = [
    # ends a run whose predictions no longer depend on the image
    dict(type='cape_mm.CollapseMonitorHook'),
]
