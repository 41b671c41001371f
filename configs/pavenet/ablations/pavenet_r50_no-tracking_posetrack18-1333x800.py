_base_ = ['../pavenet_r50_1xb1-10e_posetrack18-1333x800.py']

# Poses alone, with the schedule documented for that: one window, no track
# queries, neither in tests: detections of single frames are linked.
max_epochs = 20
train_dataloader = dict(dataset=dict(num_windows=1))
model = dict(
    head=dict(sampler=None),
    tracker=dict(
        _delete_=True,
        type='cape_mm.DetectionLinker',
        metainfo={{_base_.metainfo}},
    ),
)

train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[15], gamma=0.1)]
