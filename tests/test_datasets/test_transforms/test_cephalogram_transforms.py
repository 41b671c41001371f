# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.transforms import RandomCephalogramLook
from cape_mm.registry import TRANSFORMS

QUIET = dict(
    gamma=(1.0, 1.0), contrast=(1.0, 1.0), brightness=0.0, noise=0.0,
    erase_prob=0.0,
)  # fmt: skip


@pytest.fixture
def cephalogram():
    grey = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    return np.repeat(grey[..., None], 3, axis=2)


def run(cephalogram, seed=0, **kwargs):
    np.random.seed(seed)
    transform = TRANSFORMS.build(
        dict(type='cape_mm.RandomCephalogramLook', **kwargs)
    )
    return transform(dict(img=cephalogram.copy()))['img']


def test_it_follows_the_seed_of_numpy(cephalogram):
    first = run(cephalogram)
    np.testing.assert_array_equal(first, run(cephalogram))
    assert (first != run(cephalogram, seed=1)).mean() > 0.5
    assert first.shape == cephalogram.shape and first.dtype == np.uint8


def test_without_strength_nothing_changes(cephalogram):
    np.testing.assert_array_equal(run(cephalogram, **QUIET), cephalogram)


def test_a_grey_cephalogram_stays_grey_and_ordered(cephalogram):
    for seed in range(20):
        look = run(cephalogram, seed, erase_prob=0.0, noise=0.0)
        assert (look == look[..., :1]).all()
        assert (np.diff(look[0, :, 0].astype(int)) >= 0).all()
        grainy = run(cephalogram, seed)
        assert (grainy == grainy[..., :1]).all()


def test_each_strength_does_what_it_says(cephalogram):
    grey = cephalogram[0, :, 0].astype(float)
    dark = run(cephalogram, **dict(QUIET, gamma=(2.0, 2.0)))[0, :, 0]
    np.testing.assert_allclose(dark, 255 * (grey / 255) ** 2, atol=0.51)
    flat = run(cephalogram, **dict(QUIET, contrast=(0.5, 0.5)))[0, :, 0]
    np.testing.assert_allclose(flat, 63.75 + grey / 2, atol=0.51)
    shifts = {
        int(run(cephalogram, seed, **dict(QUIET, brightness=20.0))[0, 128, 0])
        - 128
        for seed in range(30)
    }
    assert len(shifts) > 10 and -21 < min(shifts) < 0 < max(shifts) < 21
    noisy = (
        run(cephalogram, 3, **dict(QUIET, noise=8.0)).astype(float)
        - cephalogram
    )
    assert 0.5 < noisy[:, 60:190].std() < 8.5


def test_rectangles_are_of_the_given_size_and_number(cephalogram):
    flat = np.full((200, 100, 3), 77, np.uint8)
    for seed in range(20):
        erased = run(
            flat,
            seed,
            **dict(QUIET, erase_prob=1.0, erase_count=1),
            erase_size=(0.1, 0.2),
        )
        rows = np.flatnonzero((erased != 77).any(axis=(1, 2)))
        columns = np.flatnonzero((erased != 77).any(axis=(0, 2)))
        if len(rows):
            assert 20 <= len(rows) <= 40 and 10 <= len(columns) <= 20
            assert len(np.unique(erased)) == 2
    assert (flat == 77).all()


def test_a_cephalogram_of_one_channel_will_do(cephalogram):
    look = run(cephalogram[..., 0])
    assert look.shape == (64, 256) and look.dtype == np.uint8


def test_impossible_ranges_are_refused():
    with pytest.raises(ValueError, match='gamma must be positive'):
        RandomCephalogramLook(gamma=(0.0, 1.0))
    with pytest.raises(ValueError, match='erase_size'):
        RandomCephalogramLook(erase_size=(0.1, 1.0))
    assert 'noise=8.0' in repr(RandomCephalogramLook())
