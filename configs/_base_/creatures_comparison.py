_base_ = [
    './default_runtime.py',
    './datasets/creatures_episodes.py',
    './schedules/adamw_cosine_10e.py',
]

# What the published methods share where they are compared on the creatures:
# data, augmentation, batches, schedule and backbone of
# configs/cape/autoregressive_r18_creatures-128x128.py
small_backbone = dict(
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

val_evaluator = [dict(type='cape_mm.EpisodePCK')]
test_evaluator = val_evaluator
default_hooks = dict(
    summary=dict(
        type='cape_mm.EpisodeSummaryHook', val_note='unseen categories'
    )
)
