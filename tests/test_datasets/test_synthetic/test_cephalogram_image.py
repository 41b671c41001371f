# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.synthetic.cephalogram_image import (
    develop_cephalogram,
    draw_ruler,
)


@pytest.mark.parametrize('seed', range(8))
def test_denser_is_brighter(seed):
    steps = np.repeat(np.linspace(0.0, 1.2, 5, dtype=np.float32), 40)
    attenuation = np.broadcast_to(steps, (200, 200)).copy()
    image = develop_cephalogram(attenuation, 0.75, np.random.default_rng(seed))
    assert image.shape == (200, 200) and image.dtype == np.uint8
    means = image.reshape(200, 5, 40)[40:160, :, 10:30].mean(axis=(0, 2))
    assert (np.diff(means) > 8).all()


def test_cephalograms_look_different():
    flat = np.full((100, 80), 0.4, np.float32)
    means = [
        develop_cephalogram(
            flat.copy(), 0.75, np.random.default_rng(seed)
        ).mean()
        for seed in range(20)
    ]
    assert np.std(means) > 10


def test_the_ruler_is_as_long_as_it_says():
    attenuation = np.zeros((320, 256), np.float32)
    ends, length = draw_ruler(attenuation, 0.5, np.random.default_rng(0))
    assert (ends[1, 1] - ends[0, 1]) * 0.5 == length
    rows = np.flatnonzero(attenuation.any(axis=1))
    assert abs(rows[0] - ends[0, 1]) <= 2
    assert abs(rows[-1] - ends[1, 1]) <= 2
