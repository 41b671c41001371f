_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/creatures_episodes.py',
    '../_base_/models/graphcape_swinv2-t.py',
    '../_base_/schedules/adamw_cosine_10e.py',
]

# The backbone, data, augmentation, batches and schedule of
# configs/cape/autoregressive_r18_creatures-128x128.py
backbone = dict(
    _delete_=True,
    type='ResNet',
    depth=18,
    base_channels=32,
    stem_channels=32,
    num_stages=3,
    strides=(1, 2, 2),
    dilations=(1, 1, 1),
    out_indices=(2,),
    norm_cfg=dict(type='GN', num_groups=16),
    norm_eval=False,
)
model = dict(
    backbone=backbone,
    head=dict(
        in_channels=128,
        input_size=(128, 128),
        embed_dims=96,
        num_heads=4,
        feedforward_channels=192,
    ),
    train_cfg=dict(separate_roles=False, rotate_roles=True),
)

val_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_evaluator = val_evaluator
default_hooks = dict(
    summary=dict(
        type='cape_mm.EpisodeSummaryHook', val_note='unseen categories'
    )
)
