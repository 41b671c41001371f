# best after epochs 1, 2 and 4; early stopping after epoch 5
_base_ = ['toy_config.py']

train_cfg = dict(max_epochs=8)
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1),
    ema=dict(type='EMAHook', momentum=0.1),
    early_stopping=dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='PCK',
        rule='greater',
        min_delta=0.001,
        patience=3,
        strict=True,
    ),
)
val_evaluator = dict(
    pcks=[0.5, 0.9, 0.7, 0.9005, 0.8, 0.95, 0.95, 0.95], share=1e-4
)
