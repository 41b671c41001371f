_base_ = ['../capeformer_r18_creatures-128x128.py']

# Maps of 16 x 16 cells instead of 8 x 8, of the same stages.
model = dict(backbone=dict(strides=(1, 2, 1)))
