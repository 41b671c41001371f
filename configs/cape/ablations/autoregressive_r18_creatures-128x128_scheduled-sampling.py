_base_ = ['../autoregressive_r18_creatures-128x128.py']

# More and more previous keypoints are predicted ones, without noise.
default_hooks = dict(
    scheduled_sampling=dict(share=(0.0, 1.0), noise=(0.0, 0.0))
)
