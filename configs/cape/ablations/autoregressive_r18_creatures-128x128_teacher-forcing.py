_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Previous keypoints are annotated ones only, as they are.
default_hooks = dict(
    scheduled_sampling=dict(share=(0.0, 0.0), noise=(0.0, 0.0))
)
