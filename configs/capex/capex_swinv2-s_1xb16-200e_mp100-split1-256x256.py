_base_ = './capex_swinv2-t_1xb16-200e_mp100-split1-256x256.py'

model = dict(backbone=dict(depths=(2, 2, 18, 2), drop_path=0.3))

default_hooks = dict(
    summary=dict(
        expectation='PCK@0.2 of the authors on this split: 95.62 (gte)'
    )
)
