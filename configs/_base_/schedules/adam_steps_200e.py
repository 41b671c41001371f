# Adam without weight decay, warm-up, two steps: the schedule of the published
# CAPE methods. The learning rate is for 16 episodes per update.
max_epochs = 200

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=25)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-5),
    accumulative_counts=1,
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1000),
    dict(type='MultiStepLR', milestones=[160, 180], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
