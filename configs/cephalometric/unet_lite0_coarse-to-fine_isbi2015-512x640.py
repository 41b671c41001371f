_base_ = ['./unet_lite0_small_isbi2015-256x320.py']

# The same at twice the resolution: the U-Net finds the landmarks in the half
# of it, a second stage looks again at 24 mm around each.
codec = dict(_base_.codec, input_size=(512, 640))
model = dict(
    type='cape_mm.CoarseToFineEstimator',
    head=dict(type='cape_mm.CoarseToFineHeatmapHead', decoder=codec),
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
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
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
