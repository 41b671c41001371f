_base_ = ['../capeformer_r18_creatures-128x128.py']

# Similarity maps trained as the proposals of the autoregressive head, with
# the same weight relative to the L1 loss, here of the sum of x and y.
model = dict(
    head=dict(
        loss_heatmap=dict(
            _delete_=True,
            type='cape_mm.HeatmapKLLoss',
            sigma=1.0,
            loss_weight=0.4,
        )
    )
)
