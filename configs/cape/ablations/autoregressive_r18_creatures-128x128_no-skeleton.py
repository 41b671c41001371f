_base_ = ['../autoregressive_r18_creatures-128x128.py']

# The model does not get which keypoints are connected.
model = dict(head=dict(use_skeleton=False))
