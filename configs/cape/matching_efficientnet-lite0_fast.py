_base_ = ['matching_efficientnet-lite0.py']

# About a third of the time: one scale of a smaller image, half as many views
# of a support, no springs between keypoints. For objects that hardly bend.
codec = dict(type='cape_mm.NormalizedLabel', input_size=(256, 256))
model = dict(
    scales=(1.0,),
    head=dict(map_sizes=(32,), views=dict(num_rotations=4), springs=None),
)

test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
