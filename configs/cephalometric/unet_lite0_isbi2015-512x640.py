_base_ = ['./unet_lite0_small_isbi2015-256x320.py']

# The U-Net at the whole resolution, with cells of 0.75 mm, in one stage. For
# a GPU or a night; an interrupted training goes on with --resume.
max_epochs = __import__('cape_mm').env('CEPH_EPOCHS', 60)
codec = dict(_base_.codec, heatmap_size=(256, 320), sigma=2.0)
model = dict(
    type='cape_mm.AveragedViewsEstimator',
    head=dict(type='cape_mm.ProbabilityHeatmapHead', decoder=codec),
)

train_pipeline = _base_.train_pipeline
train_pipeline[-2] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, end=1, convert_to_iter_based=True
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
