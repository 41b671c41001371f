_base_ = ['./cephalometric_isbi2015.py']

# Whole cephalograms of about 516 x 640 pixels; cells of the heatmaps are of
# 1.5 mm where the cephalogram is 240 mm high, and read between.
codec = dict(
    type='UDPHeatmap',
    input_size=(512, 640),
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
        rotate_factor=20,
        rotate_prob=1.0,
        scale_factor=(0.8, 1.25),
    ),
    dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(
        type='cape_mm.RandomCephalogramLook',
        gamma=(0.5, 2.0),
        contrast=(0.6, 1.4),
        brightness=40.0,
        erase_prob=0.5,
        erase_count=4,
        erase_size=(0.04, 0.2),
    ),
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
