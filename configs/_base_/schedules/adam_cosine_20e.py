# Adam, a warm-up of a twentieth of the training, cosine. All of it follows
#   CEPH_EPOCHS=30 python tools/train.py ...
max_epochs = __import__('cape_mm').env('CEPH_EPOCHS', 20)
# in epochs, so that it is over early whatever the number of images; MMEngine
# refuses a warm-up of less than an iteration
warmup_epochs = max(0.05 * max_epochs, 1)

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        end=warmup_epochs,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        end=max_epochs,
        eta_min=1e-6,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
