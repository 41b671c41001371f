_base_ = ['../../configs/_base_/default_runtime.py']

custom_imports = dict(
    imports=['support.toy_project'], allow_failed_imports=False
)

model = dict(type='ToyPoseModel')
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyPoseDataset'),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='ToyPoseDataset'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ToyPCK')
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.1))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[1, 3], gamma=0.5)
]
