_base_ = ['../autoregressive_r18_creatures-128x128.py']

# No keypoint depends on another one: the same weights decode all of them at
# once, in training and test.
model = dict(head=dict(autoregressive=False))
default_hooks = dict(
    scheduled_sampling=dict(share=(0.0, 0.0), noise=(0.0, 0.0)),
    summary=dict(val_note='unseen categories, parallel'),
)
