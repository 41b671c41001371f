_base_ = './single_image.py'

# The same task with a ResNet-50 at 512 x 512 pixels, from random
# initialisation. With group norm ImageNet weights of your own:
#   --cfg-options model.backbone.init_cfg.type=Pretrained
#   model.backbone.init_cfg.checkpoint=FILE
codec = dict(type='cape_mm.NormalizedLabel', input_size=(512, 512))

model = dict(
    backbone=dict(depth=50, base_channels=64, stem_channels=64),
    neck=dict(in_channels=[512, 1024, 2048], out_channels=256),
    head=dict(embed_dims=256, num_heads=8),
)

pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader
