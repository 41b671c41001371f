_base_ = ['matching_efficientnet-lite0.py']

# The model that tools/finetune.py fits to labelled images of one category:
#   python tools/finetune.py labels.json --out-dir work_dirs/mugs
# writes this config, with the category's number of keypoints, into the
# checkpoint and beside it.
num_keypoints = 17

model = dict(
    type='cape_mm.AlignedMatchingEstimator',
    # the matcher takes the last three levels, the fitted head all four
    backbone=dict(
        out_indices=('blocks.2', 'blocks.3', 'blocks.4', 'blocks.5')
    ),
    aligned_size=256,
    aligned_head=dict(
        type='cape_mm.AlignedHeatmapHead',
        in_channels=(40, 80, 112, 192),
        out_channels=num_keypoints,
    ),
)

# pairs of the labelled images, for tools/test.py
test_dataloader = dict(
    dataset=dict(num_shots=5, num_queries=5, episodes_per_category=4)
)
