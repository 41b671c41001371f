_base_ = ['./cephalometric_isbi2015.py']

# Cells of 1.5 mm on whole cephalograms of 240 mm height, read between them.
codec = dict(
    type='UDPHeatmap',
    input_size=(256, 320),
    heatmap_size=(128, 160),
    sigma=1.0,
    blur_kernel_size=5,
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
        rotate_prob=1.0,
        scale_factor=(0.85, 1.15),
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
    batch_size=4,
    num_workers=0,
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(pipeline=test_pipeline),
)
test_dataloader = val_dataloader
