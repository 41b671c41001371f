_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18.py',
]

# The recommended recipe for cephalograms: an input of their shape, all of it
# used, maps that are read between their cells, errors in millimetres to choose
# by. For a GPU. Other data than the embedded cephalograms:
#   CEPH_DATA_ROOT=data/isbi2015 CEPH_SCHEMA=isbi2015 \
#   CEPH_TRAIN_FILE=annotations/isbi2015_train.json CEPH_VAL_FILE=... \
#   CEPH_TEST_FILE=... python tools/train.py configs/cephalometric/...
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

lr = 3e-4
batch_size = 16
max_epochs = {{'$CEPH_EPOCHS:60'}}
# in epochs, so that it is over early whatever the number of cephalograms;
# MMEngine refuses a warm-up of less than an iteration
warmup_epochs = max(0.05 * max_epochs, 1)

codec = dict(
    type='UDPHeatmap',
    input_size=(512, 640),
    heatmap_size=(128, 160),
    sigma=2.0,
    blur_kernel_size=11,
)
model = dict(
    head=dict(
        out_channels=num_landmarks,
        loss=dict(type='AdaptiveWingLoss', use_target_weight=True),
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
        rotate_factor=20,
        scale_factor=(0.75, 1.25),
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
    num_workers=4,
    persistent_workers=True,
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
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
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
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
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
# a part of the training cephalograms, measured as the validation cephalograms
# are
train_gap_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        schema=schema,
        data_root=data_root,
        ann_file=train_file,
        pipeline=test_pipeline,
        indices=40,
        test_mode=True,
    ),
)

# Without known spacing there are no millimetres: then choose by pixels,
#   --cfg-options default_hooks.checkpoint.save_best=MRE
# and the same for `monitor` of custom_hooks 0, 3 and 4.
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

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
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
auto_scale_lr = dict(enable=False, base_batch_size=16)

default_hooks = dict(checkpoint=dict(save_best='MRE_mm', rule='less'))
custom_hooks = [
    dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='MRE_mm',
        rule='less',
        min_delta=0.01,
        patience=10,
        strict=True,
    ),
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.ValidationTrendHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.TrainGapHook', monitor='MRE_mm', rule='less'),
    dict(type='cape_mm.CollapseMonitorHook', action='stop'),
]
