# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.transforms import RandomCategoryView


def make_results(seed, size=(8, 8)):
    """An image that is black but for one pixel of three colours."""
    image = np.zeros((*size, 3), np.uint8)
    image[2, 1] = (10, 20, 30)
    return dict(
        img=image,
        transformed_keypoints=np.array([[[1.0, 2.0]]], np.float32),
        episode_rng=np.random.default_rng(seed),
    )


@pytest.mark.parametrize('seed', range(20))
def test_keypoints_stay_on_their_pixel(seed):
    results = RandomCategoryView()(make_results(seed))
    x, y = results['transformed_keypoints'][0, 0].astype(int)
    assert sorted(results['img'][y, x]) == [10, 20, 30]


def test_all_views_occur():
    view = RandomCategoryView()
    results = [view(make_results(seed)) for seed in range(200)]
    places = {tuple(r['transformed_keypoints'][0, 0]) for r in results}
    colours = {tuple(r['img'].reshape(-1, 3).max(0)) for r in results}
    assert len(places) == 8
    assert len({tuple(r['img'].sum((0, 1))) for r in results}) == 6
    assert len(colours) == 6


def test_members_of_an_episode_are_seen_alike():
    view = RandomCategoryView()
    one, other = view(make_results(3)), view(make_results(3))
    assert np.array_equal(one['img'], other['img'])


def test_nothing_happens_with_all_options_off():
    view = RandomCategoryView(
        flip_prob=0, transpose_prob=0, permute_channels=False
    )
    before, after = make_results(0), view(make_results(0))
    assert np.array_equal(before['img'], after['img'])


def test_only_squares_are_transposed():
    view = RandomCategoryView(transpose_prob=1)
    with pytest.raises(ValueError, match='square'):
        view(make_results(0, size=(6, 8)))


def test_the_generator_is_needed():
    results = make_results(0)
    del results['episode_rng']
    with pytest.raises(KeyError, match='episode_rng'):
        RandomCategoryView()(results)
