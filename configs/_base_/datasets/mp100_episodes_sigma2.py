_base_ = ['./mp100_episodes.py']

# As the methods that pool supports by heatmaps of sigma 2: a keypoint counts
# as long as its Gaussian reaches the heatmap.
codec = dict(type='cape_mm.ReachingLabel', input_size=(256, 256), sigma=2.0)
last_steps = [
    dict(type='GenerateTarget', encoder=codec),
    _base_.train_pipeline[-1],
]
train_pipeline = [*_base_.train_pipeline[:-2], *last_steps]
test_pipeline = [*_base_.test_pipeline[:-2], *last_steps]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# teacher forcing is of the autoregressive decoder alone
val_evaluator = _base_.val_evaluator[:1]
test_evaluator = _base_.test_evaluator[:1]
