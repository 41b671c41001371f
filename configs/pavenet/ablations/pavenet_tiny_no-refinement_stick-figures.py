_base_ = ['../pavenet_tiny_stick-figures.py']

# Poses of the pose decoder, without the keypoint decoder.
model = dict(head=dict(keypoint_decoder=None))
