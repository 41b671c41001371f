_base_ = ['../autoregressive_r18_creatures-128x128.py']

# Keypoints are not told which of them are connected.
model = dict(head=dict(use_skeleton=False))
