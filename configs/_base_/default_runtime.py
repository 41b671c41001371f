# What every config shares. Keys of `default_hooks` merge: a config changes one
# entry (`default_hooks = dict(checkpoint=dict(interval=10))`) and keeps the
# rest. Lists such as `custom_hooks` are replaced and must be repeated.
default_scope = 'mmpose'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # -> best_PCK_epoch_N.pth; MMEngine cannot infer the rule for `PCK`
    checkpoint=dict(
        type='cape_mm.LatestBestCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_best='PCK',
        rule='greater',
    ),
    # random numbers depend on (seed, rank, epoch): a resumed run continues
    # exactly like an uninterrupted one
    epoch_seed=dict(type='cape_mm.EpochSeedHook'),
    # gradient accumulation ends with the epoch; nothing without accumulation
    accumulation_flush=dict(type='cape_mm.AccumulationFlushHook'),
    # checkpoints hold plain data only: `weights_only=True` loads them
    plain_checkpoint=dict(type='cape_mm.PlainCheckpointHook'),
    restore_checkpoint=dict(type='cape_mm.RestorePlainCheckpointHook'),
    # warns if --resume meets a checkpoint of other data
    resume_check=dict(type='cape_mm.ResumeCheckHook'),
    # switched on by --show-dir / --show of tools/train.py and tools/test.py
    visualization=dict(type='cape_mm.EpisodeVisualizationHook', enable=False),
    # CAPE_DEBUG=data,mask,decode,pck: what goes through the model, in the log
    debug=dict(
        type='cape_mm.EpisodeDebugHook',
        topics=__import__('cape_mm').env('CAPE_DEBUG', 'none'),
    ),
)

custom_hooks = [
    # averages batch norm statistics over GPUs after each epoch
    dict(type='SyncBuffersHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)

# Where scalars and images go. With TensorBoard instead of local JSON files:
#   --cfg-options visualizer.vis_backends.0.type=TensorboardVisBackend
# with both, in a child config:
#   visualizer = dict(vis_backends=[dict(type='LocalVisBackend'),
#                                   dict(type='TensorboardVisBackend')])
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='cape_mm.EpisodeVisualizer',
    vis_backends=vis_backends,
    name='visualizer',
)

# Losses and diagnostics are averaged over the window. A diagnostic is called
# `diag_*`, `acc_*`, or as track queries and detect queries have it (`trk_*`,
# `det_*`, `n_trk`, ...), never `*loss*`: keys that contain `loss` are summed.
# A key that an iteration leaves out is averaged over those that have it.
log_processor = dict(
    type='LogProcessor',
    window_size=50,
    by_epoch=True,
    num_digits=6,
    mean_pattern=r'.*(loss|time|data_time|grad_norm|diag_|acc_|trk|det_).*',
)

log_level = 'INFO'
load_from = None
resume = False
launcher = 'none'
randomness = dict(seed=0)
