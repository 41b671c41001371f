_base_ = [
    './cephalometric.py',
    './landmarks/'
    + __import__('cape_mm').env('CEPH_SCHEMA', 'cephalogram23', word=True)
    + '.py',
]

# For the synthetic cephalograms and CPUs: heatmaps with cells of 3 mm.
codec = dict(
    type='UDPHeatmap',
    input_size=(128, 160),
    heatmap_size=(64, 80),
    sigma=1.5,
    blur_kernel_size=7,
)
train_pipeline = [
    dict(type='LoadImage'),
    # the box is the whole image, in training and in tests
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
    _base_.pack_test_inputs,
]

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(schema=_base_.schema, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=20,
    num_workers=0,
    dataset=dict(schema=_base_.schema, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
