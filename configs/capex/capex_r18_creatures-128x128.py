_base_ = '../graphcape/graphcape_r18_creatures-128x128.py'

# The table of the creatures' keypoint names, without a text model:
#   python tools/dataset_converters/describe_keypoints.py \
#       data/creatures/descriptions.npz --model trigrams \
#       --annotations data/creatures/annotations/*.json
model = dict(
    head=dict(
        text_table=__import__('cape_mm').env(
            'CAPE_DESCRIPTIONS', 'data/creatures/descriptions.npz'
        ),
        text_channels=256,
    )
)
