_base_ = ['../autoregressive_r18_creatures-128x128.py']

# The support is its keypoints' geometry and skeleton: its pixels are not read.
model = dict(head=dict(use_support_features=False))
