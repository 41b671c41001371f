# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import colorsys

import numpy as np
import pytest

from cape_mm.registry import TRANSFORMS

OFF = dict(
    brightness=0,
    contrast=(1, 1),
    saturation=(1, 1),
    hue=0,
    swap_channels=False,
    prob=1.0,
)


def apply(image, seed=0, num_frames=1, **kwargs):
    step = TRANSFORMS.build(
        dict(type='cape_mm.RandomClipPhotometric', **kwargs)
    )
    frames = [dict(img=image.copy()) for _ in range(num_frames)]
    results = dict(frames=frames, rng=np.random.default_rng(seed))
    return [frame['img'] for frame in step(results)['frames']]


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return rng.integers(60, 200, (5, 6, 3), dtype=np.uint8)


def test_one_draw_for_all_frames(image):
    changed = 0
    for seed in range(20):
        first, *others = apply(image, seed, num_frames=4)
        assert first.dtype == np.uint8
        assert all(np.array_equal(first, other) for other in others)
        changed += not np.array_equal(first, image)
    assert changed >= 15


def test_each_part_does_what_it_says(image):
    (same,) = apply(image, **OFF)
    assert np.array_equal(same, image)
    (bright,) = apply(image, **dict(OFF, brightness=32))
    assert len(np.unique(bright.astype(int) - image)) == 1
    (strong,) = apply(image, **dict(OFF, contrast=(1.2, 1.2)))
    assert np.abs(strong - 1.2 * image).max() <= 0.5 + 1e-9
    (grey,) = apply(image, **dict(OFF, saturation=(0, 0)))
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    (swapped,) = apply(image, 1, **dict(OFF, swap_channels=True))
    assert not np.array_equal(swapped, image)
    assert np.array_equal(np.sort(swapped, axis=2), np.sort(image, axis=2))


def test_hue_turns_and_keeps_grey():
    grey = np.full((1, 1, 3), 90, np.uint8)
    assert (
        np.abs(apply(grey, **dict(OFF, hue=18))[0].astype(int) - 90).max() <= 1
    )
    red = np.array([[[60, 60, 180]]], np.uint8)
    hues = []
    for seed in range(30):
        (turned,) = apply(red, seed, **dict(OFF, hue=18))
        blue, green, red_value = turned[0, 0] / 255
        hue = colorsys.rgb_to_hsv(red_value, green, blue)[0] * 360
        hues.append((hue + 180) % 360 - 180)
    assert min(hues) < -9 and max(hues) > 9
    assert max(np.abs(hues)) < 22


def test_probability_zero_changes_nothing(image):
    for seed in range(5):
        assert np.array_equal(apply(image, seed, prob=0)[0], image)
