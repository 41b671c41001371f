# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cape_mm.datasets.synthetic.creatures.anatomy import draw_creature
from cape_mm.datasets.synthetic.creatures.renderer import CreatureRenderer


@pytest.fixture(scope='module')
def creature():
    return draw_creature(np.random.default_rng(5))


@pytest.fixture(scope='module')
def instances():
    rendered = []
    for number in range(20):
        creature = draw_creature(np.random.default_rng([6, number]))
        renderer = CreatureRenderer(creature, 128)
        for instance in range(10):
            rng = np.random.default_rng([6, number, instance])
            rendered.append(renderer.render(rng))
    return rendered


def test_keypoints_are_zero_exactly_where_unlabelled(instances):
    for instance in instances:
        unlabelled = instance.visible == 0
        assert (instance.keypoints_px[unlabelled] == 0).all()
        assert (instance.keypoints_px[~unlabelled] != 0).any(axis=1).all()


def test_keypoints_and_boxes_lie_in_the_image(instances):
    for instance in instances:
        height, width = instance.image.shape[:2]
        x, y, w, h = instance.bbox
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert 0 < instance.area <= w * h
        points = instance.keypoints_px[instance.visible > 0]
        assert (points > (-0.5, -0.5)).all()
        assert (points < (width, height)).all()
        # keypoints lie on the body
        assert (points >= np.array([x, y]) - 1).all()
        assert (points <= np.array([x + w, y + h]) + 1).all()


def test_all_visibilities_occur_and_most_points_are_visible(instances):
    counts = Counter(
        np.concatenate([instance.visible for instance in instances])
    )
    total = sum(counts.values())
    assert counts[2] > 0.8 * total
    assert counts[1] > 0.01 * total
    assert counts[0] > 0.01 * total
    assert min((instance.visible > 0).sum() for instance in instances) >= 3


def test_images_are_landscape_portrait_and_square(instances):
    shapes = {instance.image.shape for instance in instances}
    assert shapes == {(128, 128, 3), (102, 128, 3), (128, 102, 3)}


def test_equal_streams_give_equal_images(creature):
    renderer = CreatureRenderer(creature, 96)
    one, same, other = (
        renderer.render(np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.keypoints_px, same.keypoints_px)
    assert not np.array_equal(one.keypoints_px, other.keypoints_px)


def test_image_size_scales_the_same_instance(creature):
    small, big = (
        CreatureRenderer(creature, size).render(np.random.default_rng(3))
        for size in (100, 200)
    )
    assert np.allclose(2 * small.keypoints_px, big.keypoints_px)
    assert (small.visible == big.visible).all()


def test_pixels_at_a_visible_keypoint_are_those_of_the_creature(creature):
    # in one colour that the background never has
    color = (0, 0, 255)
    parts = tuple(
        part._replace(
            patches=tuple(p._replace(color=color) for p in part.patches)
        )
        for part in creature.parts
    )
    painted = creature._replace(parts=parts, ink=None)
    renderer = CreatureRenderer(painted, 160)
    for seed in range(20):
        instance = renderer.render(np.random.default_rng(seed))
        points = instance.keypoints_px[instance.visible == 2].round()
        for x, y in points.astype(int):
            blue, green, red = instance.image[y, x].astype(int)
            assert red - max(blue, green) > 100
