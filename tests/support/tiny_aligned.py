# Copyright (c) cape_mm contributors. All rights reserved.
"""A small model that is fitted to a category, and its config."""

from __future__ import annotations

from pathlib import Path

CONFIG = """
_base_ = ['{base}']
codec = dict(type='cape_mm.NormalizedLabel', input_size=(96, 96))
model = dict(
    scales=(1.0,),
    backbone=dict(checkpoint=None),
    head=dict(map_sizes=(16,), views=dict(num_rotations=2), springs=None),
    aligned_size=64,
)
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        pipeline=test_pipeline,
        num_shots=2,
        num_queries=2,
        episodes_per_category=1,
        dataset=dict(
            data_root='{data}', ann_file='annotations/mp100_split1_test.json'
        ),
    ),
)
"""


def write_config(folder: Path, data: Path) -> Path:
    """Config with random weights and small images."""
    root = Path(__file__).resolve().parents[2]
    base = root / 'configs/cape/finetune_efficientnet-lite0.py'
    path = folder / 'tiny.py'
    path.write_text(CONFIG.format(base=base, data=data))
    return path
