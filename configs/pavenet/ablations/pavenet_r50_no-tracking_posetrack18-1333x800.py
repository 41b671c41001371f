_base_ = ['../pavenet_r50_1xb1-10e_posetrack18-1333x800.py']

# Poses alone, with the schedule documented for that: one window, no track
# queries. In tests every person gets a new identity in every frame, so that
# only AP is worth reading.
max_epochs = 20
train_dataloader = dict(dataset=dict(num_windows=1))
model = dict(head=dict(sampler=None), tracker=dict(keep_thr=1.0, patience=0))

train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[15], gamma=0.1)]
