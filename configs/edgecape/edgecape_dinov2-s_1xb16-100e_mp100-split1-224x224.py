_base_ = ['./edgecape-stage2_dinov2-s_1xb16-100e_mp100-split1-224x224.py']

# The third stage, with a bias from random walks on the graph, which is kept:
# load_from a checkpoint of the second stage.
model = dict(
    head=dict(
        num_walk_steps=5,
        frozen=('edge_predictor', 'image_projection', 'support_projection'),
    )
)
default_hooks = dict(
    summary=dict(
        expectation='PCK@0.2 of the authors on this split: 93.69 (1-shot)'
    )
)
