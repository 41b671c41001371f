# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.transforms import (
    RandomCategoryView,
    RandomPhotometric,
    RandomScaleRotation,
)


def scale_and_rotate(seed, **kwargs):
    results = dict(
        bbox_scale=np.array([[100, 50]], dtype=np.float32),
        rng=np.random.default_rng(seed),
    )
    return RandomScaleRotation(**kwargs)(results)


def test_scale_and_rotation_have_the_distribution_of_the_peers():
    results = [scale_and_rotate(seed) for seed in range(2000)]
    scales = np.array([r['bbox_scale'][0, 0] / 100 for r in results])
    rotations = np.array([r['bbox_rotation'][0] for r in results])
    assert scales.min() == pytest.approx(0.85)
    assert scales.max() == pytest.approx(1.15)
    # A normal distribution leaves one sigma in 32 % of the cases.
    assert 0.27 < np.isclose(np.abs(scales - 1), 0.15).mean() < 0.37
    assert 0.36 < (rotations == 0).mean() < 0.44
    assert rotations.min() == pytest.approx(-30)
    assert rotations.max() == pytest.approx(30)
    assert 13 < rotations[rotations != 0].std() < 16


def test_form_of_the_box_is_kept():
    results = scale_and_rotate(0)
    scale = results['bbox_scale']
    assert scale.dtype == np.float32
    assert scale[0, 0] == pytest.approx(2 * scale[0, 1])
    assert results['bbox_rotation'].shape == (1,)


def test_factors_of_zero_change_nothing():
    results = scale_and_rotate(0, rotate_factor=0, scale_factor=0)
    assert results['bbox_scale'].tolist() == [[100, 50]]
    assert results['bbox_rotation'].tolist() == [0]


def test_photometric_change_is_drawn_from_the_episode_generator():
    def run(seed):
        img = np.full((8, 8, 3), 120, dtype=np.uint8)
        img[:4] = 60
        rng = np.random.default_rng(seed)
        return RandomPhotometric()(dict(img=img, rng=rng))['img']

    assert run(0).dtype == np.uint8
    assert np.array_equal(run(0), run(0))
    assert not np.array_equal(run(0), run(1))


def test_photometric_change_of_zero_keeps_the_image():
    img = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    transform = RandomPhotometric(brightness=0, contrast=(1, 1), noise=0)
    results = transform(dict(img=img.copy(), rng=np.random.default_rng(0)))
    assert np.array_equal(results['img'], img)


@pytest.mark.parametrize('cls', [RandomScaleRotation, RandomPhotometric])
def test_missing_generator_is_named(cls):
    with pytest.raises(KeyError, match=f'{cls.__name__}.*rng'):
        cls()(dict())


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


def test_members_of_an_episode_are_transformed_alike():
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
