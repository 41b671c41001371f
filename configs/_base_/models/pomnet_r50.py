# POMNet (ECCV 2022): two ResNet-50, whose batch norm is trained, and a
# transformer that decodes one heatmap per keypoint.
model = dict(
    type='cape_mm.PomnetEstimator',
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(3,),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    support_backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(3,),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    head=dict(
        type='cape_mm.PomnetHead', in_channels=2048, input_size=(256, 256)
    ),
)
