_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Previous keypoints are annotated ones with noise, never predicted ones.
default_hooks = dict(
    scheduled_sampling=dict(share=(0.0, 0.0), noise=(0.02, 0.02))
)
