# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.landmark_radii import (
    conformal_quantile,
    covered_share,
    heatmap_spreads,
    radius_factors,
)

CELL = np.array([1.0, 1.0])


def gaussian(sigma, center=(40, 50), shape=(100, 80)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    squares = (x - center[0]) ** 2 + (y - center[1]) ** 2
    return np.exp(-squares / (2 * sigma**2))


@pytest.mark.parametrize('sigma', [2.0, 4.0, 6.0])
def test_spread_of_a_gaussian(sigma):
    # E[r^2] where exp(-r^2 / (2 sigma^2)) is above a quarter
    limit = math.log(4)
    expected = 2 * (1 - (1 + limit) / 4) / (1 - 1 / 4)
    spread = heatmap_spreads(gaussian(sigma), CELL)
    assert spread == pytest.approx(sigma * math.sqrt(expected), rel=0.05)
    assert math.sqrt(expected) == pytest.approx(1.04, abs=0.005)


def test_spread_is_in_the_unit_of_the_cells():
    maps = np.stack([gaussian(3.0), gaussian(5.0)])
    spreads = heatmap_spreads(maps, CELL)
    assert np.allclose(heatmap_spreads(maps, 0.5 * CELL), 0.5 * spreads)
    wide = heatmap_spreads(maps, np.array([3.0, 1.0]))
    assert np.allclose(wide, spreads * math.sqrt((9 + 1) / 2), rtol=0.02)


def test_height_and_a_low_background_do_not_matter():
    spread = heatmap_spreads(gaussian(3.0), CELL)
    noise = 0.05 * np.random.default_rng(0).random((100, 80))
    assert heatmap_spreads(0.1 * gaussian(3.0), CELL) == pytest.approx(spread)
    assert heatmap_spreads(gaussian(3.0) + noise, CELL) == pytest.approx(
        spread, rel=0.1
    )


def test_a_second_maximum_is_uncertainty():
    two = gaussian(3.0) + 0.6 * gaussian(3.0, center=(60, 50))
    assert heatmap_spreads(two, CELL) > 10


def test_the_least_spread_is_that_of_one_cell():
    peak = np.zeros((9, 9))
    peak[4, 4] = 1
    assert heatmap_spreads(peak, CELL) == pytest.approx(math.sqrt(1 / 6))


def test_a_map_without_maximum_is_spread_over_the_image():
    assert heatmap_spreads(np.zeros((2, 30, 40)), CELL).min() > 25


def test_quantile_has_the_rank_of_finite_samples():
    scores = np.arange(1, 20)
    assert conformal_quantile(scores, 0.9) == 18  # ceil(20 * 0.9)
    assert conformal_quantile(scores, 0.95) == 19
    assert conformal_quantile(scores[:5], 0.95) == 5, 'too few: the largest'


def images(rng, count, scale):
    """Errors and spreads (count, K): Rayleigh, in proportion to the spread."""
    spreads = rng.uniform(1, 3, (count, len(scale)))
    errors = rng.rayleigh(size=spreads.shape) * spreads * scale
    return errors, spreads


def test_fifteen_images_cover_unknown_ones():
    scale = np.linspace(0.7, 1.4, 19)  # landmarks that are easy and hard
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors, spreads = images(rng, 15, scale)
        valid = np.ones(errors.shape, bool)
        factors = radius_factors(errors, spreads, valid)
        errors, spreads = images(rng, 100, scale)
        radii = factors * spreads
        covered.append(covered_share(errors, radii, np.ones_like(errors) > 0))
    assert 0.945 < np.mean(covered) < 0.96
    assert np.mean(np.abs(np.array(covered) - 0.95) < 0.03) > 0.9


def test_hard_landmarks_get_larger_factors():
    scale = np.linspace(0.5, 2.0, 19)
    errors, spreads = images(np.random.default_rng(0), 300, scale)
    valid = np.ones(errors.shape, bool)
    factors = radius_factors(errors, spreads, valid)
    assert np.corrcoef(factors, scale)[0, 1] > 0.98
    assert np.allclose(radius_factors(2 * errors, spreads, valid), 2 * factors)


def test_unlabelled_landmarks_do_not_matter():
    errors, spreads = images(np.random.default_rng(0), 20, np.ones(5))
    valid = np.random.default_rng(1).random(errors.shape) > 0.3
    valid[:, 4] = False
    expected = radius_factors(errors, spreads, valid)
    assert np.isfinite(expected).all(), 'by the other landmarks'
    errors[~valid] = np.nan
    assert np.array_equal(radius_factors(errors, spreads, valid), expected)


def test_one_image_is_refused():
    with pytest.raises(ValueError, match='two images, not 1'):
        radius_factors(*np.ones((2, 1, 5)), np.ones((1, 5), bool))


def test_share_of_covered_landmarks():
    errors, radii = np.array([[1.0, 2.0, 9.0]]), np.array([[1.0, 1.0, 1.0]])
    valid = np.array([[True, True, False]])
    assert covered_share(errors, radii, valid) == 0.5
    assert math.isnan(covered_share(errors, radii, ~valid & valid))
