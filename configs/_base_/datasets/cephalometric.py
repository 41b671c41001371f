# Cephalograms in COCO's layout, by default synthetic ones, which are written
# on first use. A config that inherits from this gives the datasets a schema
# and a pipeline, and the loaders a size. Other data than the synthetic ones:
#   CEPH_DATA_ROOT=data/isbi2015 CEPH_SCHEMA=isbi2015 \
#   CEPH_TRAIN_FILE=annotations/isbi2015_train.json CEPH_VAL_FILE=... \
#   CEPH_TEST_FILE=... python tools/train.py configs/cephalometric/...
data_root = __import__('cape_mm').env('CEPH_DATA_ROOT', 'data/cephalograms')
train_file = __import__('cape_mm').env(
    'CEPH_TRAIN_FILE', 'annotations/cephalograms_train.json'
)
val_file = __import__('cape_mm').env(
    'CEPH_VAL_FILE', 'annotations/cephalograms_val.json'
)
test_file = __import__('cape_mm').env(
    'CEPH_TEST_FILE', 'annotations/cephalograms_test.json'
)

# what MMPose's own inferencers ask for
data_mode = 'topdown'
dataset_type = 'cape_mm.CephalogramsDataset'

# last step of a test pipeline: what the metrics need
pack_test_inputs = dict(
    type='PackPoseInputs',
    meta_keys=(
        *('id', 'img_id', 'img_path', 'category_id', 'ori_shape'),
        *('img_shape', 'input_size', 'input_center', 'input_scale'),
        *('flip_indices', 'dataset_name'),
        *('spacing', 'spacing_source', 'device', 'subject'),
    ),
)

train_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        data_root=data_root,
        ann_file=train_file,
    ),
)
val_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        data_root=data_root,
        ann_file=val_file,
        test_mode=True,
    ),
)
test_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        data_root=data_root,
        ann_file=test_file,
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
