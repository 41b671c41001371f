_base_ = [
    './cephalometric.py',
    './landmarks/'
    + __import__('cape_mm').env('CEPH_SCHEMA', 'cephalogram23', word=True)
    + '.py',
]

# An input of the shape of cephalograms, heatmaps that are read between their
# cells.
codec = dict(
    type='UDPHeatmap',
    input_size=(512, 640),
    heatmap_size=(128, 160),
    sigma=2.0,
    blur_kernel_size=11,
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
    _base_.pack_test_inputs,
]

loader = dict(batch_size=16, num_workers=4, persistent_workers=True)
train_dataloader = dict(
    **loader, dataset=dict(schema=_base_.schema, pipeline=train_pipeline)
)
val_dataloader = dict(
    **loader, dataset=dict(schema=_base_.schema, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
# a part of the training data, evaluated as the validation data are
train_gap_dataloader = dict(
    batch_size=16,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='cape_mm.CephalogramsDataset',
        schema=_base_.schema,
        data_root=_base_.data_root,
        ann_file=_base_.train_file,
        pipeline=test_pipeline,
        indices=40,
        test_mode=True,
    ),
)
