_base_ = [
    './cephalometric.py',
    './landmarks/'
    + __import__('cape_mm').env('CEPH_SCHEMA', 'document19', word=True)
    + '.py',
]

# As in the training document: a square input of coarse maps, and padding
# around a box that is the whole image.
codec = dict(
    type='MSRAHeatmap',
    input_size=(224, 224),
    heatmap_size=(56, 56),
    sigma=2.0,
)
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
    _base_.pack_test_inputs,
]

loader = dict(batch_size=32, num_workers=2, persistent_workers=True)
train_dataloader = dict(
    **loader, dataset=dict(schema=_base_.schema, pipeline=train_pipeline)
)
val_dataloader = dict(
    **loader, dataset=dict(schema=_base_.schema, pipeline=test_pipeline)
)
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.05, norm_item='bbox'),
    dict(
        type='cape_mm.CephalometricMetric',
        train_ann_file=f'{_base_.data_root}/{_base_.train_file}',
        pck_threshold=None,
    ),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
test_evaluator = val_evaluator
