_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Residual log-likelihood with a flow (RLE) in place of L1.
model = dict(
    head=dict(
        loss_coords=dict(type='cape_mm.KeypointRLELoss', loss_weight=1.0),
    )
)
