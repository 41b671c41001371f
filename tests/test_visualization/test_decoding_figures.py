# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.visualization.decoding_figures import (
    draw_attention,
    draw_proposals,
)


@pytest.mark.parametrize('count', [1, 6, 17])
def test_every_keypoint_has_a_panel(count):
    rng = np.random.default_rng(0)
    image = np.full((48, 64, 3), 120, np.uint8)
    points = rng.random((count, 2))
    truth = points.copy()
    truth[0] = np.nan
    figure = draw_proposals(
        (image, points, np.ones(count, bool)),
        image,
        rng.random((count, 6, 8)),
        dict(truth=truth, proposal=points, prediction=points),
        [f'keypoint {i}' for i in range(count)],
        'title',
    )
    assert figure.dtype == np.uint8
    rows = -(-(count + 1) // 6)
    assert figure.shape[:2] == (250 * rows + 50, 1260)


def test_map_is_bright_where_it_is_high():
    image = np.zeros((64, 64, 3), np.uint8)
    maps = np.zeros((1, 4, 4))
    maps[0, 0, 3] = 1
    nowhere = dict.fromkeys(
        ('truth', 'proposal', 'prediction'), np.full((1, 2), np.nan)
    )
    figure = draw_proposals(
        (image, np.full((1, 2), 0.5), np.zeros(1, bool)),
        image,
        maps,
        nowhere,
        [''],
        '',
        per_row=2,
    )
    panel = figure[90:-10, figure.shape[1] // 2 + 10 : -10].astype(int)
    height, width = panel.shape[:2]
    upper_right = panel[: height // 6, -width // 6 :].mean()
    assert upper_right > panel[-height // 6 :, : width // 6].mean() + 50


def test_attention_is_a_image():
    image = draw_attention(np.full((3, 4), 0.25), ['a', 'b', 'c'], 'title')
    assert image.ndim == 3 and image.shape[2] == 3
