# MetaPoint+ (CVPR 2024): ResNet-50, whose batch norm is trained, in separate
# passes for supports and queries.
model = dict(
    type='cape_mm.CapeEstimator',
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(1, 2, 3),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    head=dict(
        type='cape_mm.MetaPointHead',
        in_channels=(512, 1024, 2048),
        input_size=(256, 256),
        num_slots=70,
    ),
    train_cfg=dict(separate_roles=True),
)
