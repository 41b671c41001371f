_base_ = ['../pavenet_tiny_stick-figures.py']

# No heatmaps: neither their loss nor sampling of them.
model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    finer_map=False,
    head=dict(
        heatmap=None,
        decoder=dict(sampling_radius=0),
        keypoint_decoder=dict(sampling_radius=0),
    ),
)
