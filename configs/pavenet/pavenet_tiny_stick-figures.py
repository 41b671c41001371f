_base_ = [
    '../_base_/tracking_runtime.py',
    '../_base_/datasets/stick_figure_clips.py',
    '../_base_/models/pavenet_r18-gn.py',
    '../_base_/schedules/pavenet_adamw_cosine_12e.py',
]

# Stick figures, tracked after half an hour of training on two CPU cores from
# random initialisation.
train_dataloader = dict(dataset=dict(num_frames={{_base_.num_frames}}))
val_dataloader = dict(dataset=dict(num_frames={{_base_.num_frames}}))
test_dataloader = val_dataloader

default_hooks = dict(logger=dict(interval=25))
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='EMAHook', momentum=0.003, begin_iter=100),
]
