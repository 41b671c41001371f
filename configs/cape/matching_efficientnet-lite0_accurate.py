_base_ = ['matching_efficientnet-lite0.py']

# About twice the time: a larger image, twice as many views of a support.
codec = dict(type='cape_mm.NormalizedLabel', input_size=(512, 512))
model = dict(head=dict(map_sizes=(32, 64), views=dict(num_rotations=16)))

test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
