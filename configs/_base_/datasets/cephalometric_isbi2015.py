_base_ = [
    './cephalometric.py',
    './landmarks/'
    + __import__('cape_mm').env('CEPH_SCHEMA', 'isbi2015', word=True)
    + '.py',
]

# The cephalograms of ISBI 2015 in the project's format, see
# docs/en/cephalometric_data.md. A config that inherits from this gives the
# datasets a pipeline, and the loaders a size. For example:
#   CEPH_DATA_ROOT=/data/isbi2015 python tools/train.py CONFIG
data_root = __import__('cape_mm').env('CEPH_DATA_ROOT', 'data/isbi2015')
train_file = __import__('cape_mm').env(
    'CEPH_TRAIN_FILE', 'annotations/isbi2015_train.json'
)
val_file = __import__('cape_mm').env(
    'CEPH_VAL_FILE', 'annotations/isbi2015_val.json'
)
test_file = __import__('cape_mm').env(
    'CEPH_TEST_FILE', 'annotations/isbi2015_test1.json'
)

train_dataloader = dict(
    dataset=dict(
        schema=_base_.schema, data_root=data_root, ann_file=train_file
    )
)
val_dataloader = dict(
    dataset=dict(schema=_base_.schema, data_root=data_root, ann_file=val_file)
)
test_dataloader = dict(
    dataset=dict(schema=_base_.schema, data_root=data_root, ann_file=test_file)
)

train_ann_file = f'{data_root}/{train_file}'
val_evaluator = [
    dict(type='cape_mm.CephalometricMetric', train_ann_file=train_ann_file),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
test_evaluator = [
    dict(
        type='cape_mm.CephalometricMetric',
        train_ann_file=train_ann_file,
        bootstrap=dict(),  # 95 % interval, see the class
    ),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]
