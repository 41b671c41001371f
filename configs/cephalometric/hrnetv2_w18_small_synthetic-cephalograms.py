_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18_small.py',
]

# Landmarks of the embedded cephalograms in less than ten minutes on two CPU
# cores, from random initialisation. Synthetic cephalograms only: what is
# learned is of no clinical use.
data_root = '{{$CEPH_DATA_ROOT:data/cephalograms}}'
train_file = '{{$CEPH_TRAIN_FILE:annotations/cephalograms_train.json}}'
val_file = '{{$CEPH_VAL_FILE:annotations/cephalograms_val.json}}'
test_file = '{{$CEPH_TEST_FILE:annotations/cephalograms_test.json}}'
schema = '{{$CEPH_SCHEMA:cephalogram23}}'
# The dataset refuses an unknown schema and says which there are.
num_landmarks = dict(
    document19=19,
    isbi2015=19,
    cl_detection38=38,
    aariz29=29,
    cl_detection53=53,
    cephalogram23=23,
).get(schema, 0)

lr = 1e-3
batch_size = 8
max_epochs = {{'$CEPH_EPOCHS:20'}}
# in epochs, so that it is over early whatever the number of cephalograms;
# MMEngine refuses a warm-up of less than an iteration
warmup_epochs = max(0.05 * max_epochs, 1)

# cells of 3 mm: one deconvolution doubles the maps of HRNet
codec = dict(
    type='UDPHeatmap',
    input_size=(128, 160),
    heatmap_size=(64, 80),
    sigma=1.5,
    blur_kernel_size=7,
)
model = dict(
    head=dict(
        out_channels=num_landmarks,
        deconv_out_channels=(48,),
        deconv_kernel_sizes=(4,),
        conv_out_channels=None,
        conv_kernel_sizes=None,
        decoder=codec,
    ),
)

train_pipeline = [
    dict(type='LoadImage'),
    # the box is the whole cephalogram, in training and in tests
    dict(type='GetBBoxCenterScale', padding=1.0),
    # no flip: all cephalograms face one way, and no landmark has a partner
    dict(
        type='RandomBBoxTransform',
        shift_factor=0.05,
        shift_prob=1.0,
        rotate_factor=15,
        scale_factor=(0.9, 1.1),
    ),
    dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(type='cape_mm.RandomCephalogramLook'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(
        type='PackPoseInputs',
        meta_keys=(
            *('id', 'img_id', 'img_path', 'category_id', 'ori_shape'),
            *('img_shape', 'input_size', 'input_center', 'input_scale'),
            *('flip_indices', 'dataset_name'),
            *('spacing', 'spacing_source', 'device', 'subject'),
        ),
    ),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        schema=schema,
        data_root=data_root,
        ann_file=train_file,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=20,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        schema=schema,
        data_root=data_root,
        ann_file=val_file,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = dict(
    batch_size=20,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        schema=schema,
        data_root=data_root,
        ann_file=test_file,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)

val_evaluator = [
    dict(
        type='cape_mm.CephalometricMetric',
        train_ann_file=f'{data_root}/{train_file}',
    ),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
test_evaluator = [
    dict(
        type='cape_mm.CephalometricMetric',
        train_ann_file=f'{data_root}/{train_file}',
        bootstrap=dict(),  # 95 % interval, see the class
    ),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=lr),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        end=warmup_epochs,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)

default_hooks = dict(
    checkpoint=dict(save_best=['MRE_mm', 'PCK'], rule=['less', 'greater']),
)
custom_hooks = [
    dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='MRE_mm',
        rule='less',
        min_delta=0.01,
        patience=5,
        strict=True,
    ),
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.ValidationTrendHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.CollapseMonitorHook', action='stop'),
]
