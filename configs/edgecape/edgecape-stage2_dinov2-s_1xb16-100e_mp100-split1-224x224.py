_base_ = ['./edgecape-stage1_dinov2-s_1xb16-100e_mp100-split1-224x224.py']

# Learns further edges: load_from a checkpoint of the first stage.
model = dict(
    head=dict(
        edge_predictor=dict(num_layers=3, feedforward_channels=384),
        masked_share=0.3,
    )
)
