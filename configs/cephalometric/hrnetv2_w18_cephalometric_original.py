_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/hrnetv2_w18.py',
]

# The "Original" column of the training document, the run that was said to
# collapse. Compare with hrnetv2_w18_cephalometric_stable.py.
#
# As it was written it does not run, or its figures mean nothing. Repaired,
# and nothing else:
# * The head took `input_transform='resize_concat'`, which MMPose 1.0 removed:
#   the neck FeatureMapProcessor does that. `deconv_out_channels=None`, or
#   three deconvolutions make maps of 448 x 448 for targets of 56 x 56.
# * Targets were made by MSRAHeatmap and read by MegviiHeatmap, half a cell
#   away: one codec for both.
# * Validation and test read the training file: they have files of their own.
# * A whole face model was loaded into the backbone without prefix, so that no
#   weight matched: random initialisation, as it was in fact. How to load
#   weights: configs/_base_/models/hrnetv2_w18.py.
# * Visibility 2 became a loss weight of 2: it is 1.
# * PCK was also normalised by a "torso" of two keypoints of another dataset,
#   here the upper incisor: only by the box.
#
# Added, and without influence on the training: errors in millimetres, the
# best checkpoint, a report (no more) when predictions collapse.
#
# Left as it was, and weak (`tools/analysis_tools/doctor.py` says why): square
# input of coarse maps, padding around a box that is the whole cephalogram, a
# warm-up as long as most of the training, PCK of the box as the only score to
# choose by.
data_root = '{{$CEPH_DATA_ROOT:data/cephalograms}}'
train_file = '{{$CEPH_TRAIN_FILE:annotations/cephalograms_train.json}}'
val_file = '{{$CEPH_VAL_FILE:annotations/cephalograms_val.json}}'
test_file = '{{$CEPH_TEST_FILE:annotations/cephalograms_test.json}}'
schema = '{{$CEPH_SCHEMA:document19}}'
# The dataset refuses an unknown schema and says which there are.
num_landmarks = dict(
    document19=19,
    isbi2015=19,
    cl_detection38=38,
    aariz29=29,
    cl_detection53=53,
    cephalogram23=23,
).get(schema, 0)

lr = 1e-4
batch_size = 32
sigma = 2.0
max_epochs = {{'$CEPH_EPOCHS:60'}}
weight_decay = 0.0001
val_interval = 5

codec = dict(
    type='MSRAHeatmap',
    input_size=(224, 224),
    heatmap_size=(56, 56),
    sigma=sigma,
)
model = dict(head=dict(out_channels=num_landmarks, decoder=codec))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(
        type='RandomBBoxTransform', rotate_factor=15, scale_factor=(0.8, 1.2)
    ),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
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
    num_workers=2,
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
    num_workers=2,
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
    num_workers=2,
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

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.05, norm_item='bbox'),
    dict(
        type='cape_mm.CephalometricMetric',
        train_ann_file=f'{data_root}/{train_file}',
        pck_threshold=None,
    ),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
test_evaluator = val_evaluator

train_cfg = dict(
    by_epoch=True, max_epochs=max_epochs, val_interval=val_interval
)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=lr, weight_decay=weight_decay),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=500),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=32)

custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='cape_mm.CephalometricSplitCheckHook'),
    dict(type='cape_mm.CollapseMonitorHook', action='warn'),
]
