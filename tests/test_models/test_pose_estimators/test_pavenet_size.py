# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

import cape_mm.models  # noqa: F401
from cape_mm.registry import MODELS

ROOT = Path(__file__).resolve().parents[3]


# The last neighbour branches, which have no gradient without supervision of
# neighbours, are built only with it: 1.61 M at 3 frames, 3.22 M at 5.
@pytest.mark.parametrize(
    'num_frames, neighbour_weight, millions',
    [(3, 1.0, 50.95), (3, 0.0, 50.95 - 1.61), (5, 1.0, 58.13)],
)
def test_the_full_model_has_the_published_size(
    num_frames, neighbour_weight, millions
):
    config = Config.fromfile(ROOT / 'configs/_base_/models/pavenet_r50.py')
    config.model.backbone.update(
        type='mmpose.ResNet', init_cfg=None, frozen_stages=-1
    )
    config.model.head.num_frames = num_frames
    config.model.head.criterion.neighbour_weight = neighbour_weight
    model = MODELS.build(config.model)
    count = sum(parameter.numel() for parameter in model.parameters())
    # Our own: embeddings of poses instead of learned positions.
    assert count / 1e6 == pytest.approx(millions, abs=0.25)
