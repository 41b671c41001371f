_base_ = ['./mp100_episodes_sigma2.py']

codec = dict(type='cape_mm.ReachingLabel', input_size=(224, 224), sigma=1.0)
last_steps = [
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    _base_.last_steps[-1],
]
train_pipeline = [*_base_.train_pipeline[:-3], *last_steps]
test_pipeline = [*_base_.test_pipeline[:-3], *last_steps]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
