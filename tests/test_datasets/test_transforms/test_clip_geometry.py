# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.datasets.transforms.clip_geometry import move_matrix
from cape_mm.registry import TRANSFORMS


def make_results(size=(40, 30), num_frames=2, test_mode=False, seed=0):
    """A blob in each frame, whose middle is its only person's keypoint."""
    frames = []
    for number in range(num_frames):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        x, y = 14 + 4 * number, 12
        cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
        frames.append(
            dict(
                img=image,
                img_path=f'{number}.png',
                instances=dict(
                    keypoints=np.array([[[x, y], [x, y]]], np.float32),
                    keypoints_visible=np.array([[1, 0]], np.float32),
                    bboxes=np.array([[x - 3, y - 3, x + 3, y + 3]], float),
                    areas=np.array([36.0], np.float32),
                    track_ids=np.array([5]),
                ),
            )
        )
    results = dict(
        frames=frames,
        flip_indices=[1, 0],
        test_mode=test_mode,
        rng=np.random.default_rng(seed),
    )
    return TRANSFORMS.build(dict(type='cape_mm.LoadClipImages'))(results)


def apply(results, *steps):
    for step in (*steps, dict(type='cape_mm.WarpClip', border_value=(0,) * 3)):
        kind = dict(
            step,
            type=step['type']
            if '.' in step['type']
            else f'cape_mm.{step["type"]}',
        )
        results = TRANSFORMS.build(kind)(results)
    return results


STEPS = [
    dict(type='RandomClipFlip', prob=1.0),
    dict(type='RandomClipAffine', rotation=20, scale=(0.8, 1.5), shift=0.1),
    dict(type='ClipResize', long_edge=(60, 80), short_edge=(50, 70)),
    dict(type='ClipFit', input_size=(64, 64)),
    dict(
        type='RandomClipPolicy',
        policies=[[dict(type='cape_mm.ClipFit', input_size=(90, 64))]],
    ),
]


def blob_center(image):
    """Centroid of the bright pixels, (x, y)."""
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize('steps', [*([s] for s in STEPS), STEPS, []])
@pytest.mark.parametrize('seed', range(3))
def test_keypoints_stay_on_what_they_mark(steps, seed):
    results = apply(make_results(seed=seed, test_mode=True), *steps)
    mirrored = any(step['type'] == 'RandomClipFlip' for step in steps)
    for frame in results['frames']:
        instances = frame['instances']
        assert frame['img'].shape[:2] == results['img_shape']
        index = 1 if mirrored else 0
        found = instances['input_keypoints'][0, index]
        assert np.abs(found - blob_center(frame['img'])).max() < 0.15
        assert instances['input_visible'][0].tolist() == (
            [0, 1] if mirrored else [1, 0]
        )
        growth = abs(np.linalg.det(frame['warp_mat'][:, :2]))
        assert instances['input_areas'][0] == pytest.approx(36 * growth)


def test_all_frames_have_one_matrix_and_it_is_that_of_the_keypoints():
    results = apply(make_results(num_frames=4), *STEPS)
    first = results['frames'][0]['warp_mat']
    for frame in results['frames']:
        assert np.array_equal(frame['warp_mat'], first)
        points = frame['instances']['keypoints'][:, ::-1]
        warped = points @ first[:, :2].T + first[:, 2]
        found = frame['instances']['input_keypoints']
        assert np.allclose(found, warped, atol=1e-4)


def test_nothing_to_do_leaves_pixels_as_they_are():
    results = make_results()
    before = [frame['img'].copy() for frame in results['frames']]
    results = apply(results, dict(type='RandomClipFlip', prob=0.0))
    for frame, image in zip(results['frames'], before):
        assert np.array_equal(frame['img'], image)
        assert np.array_equal(frame['warp_mat'], np.eye(3)[:2])


def test_mirror_is_exact():
    results = make_results()
    before = [frame['img'].copy() for frame in results['frames']]
    results = apply(results, STEPS[0])
    for frame, image in zip(results['frames'], before):
        assert np.array_equal(frame['img'], image[:, ::-1])
        x = frame['instances']['keypoints'][0, 0, 0]
        assert frame['instances']['input_keypoints'][0, 1, 0] == 39 - x


@pytest.mark.parametrize(
    'size, long_edge, short_edge, expected',
    [
        ((1920, 1080), 1333, 800, (1333, 750)),
        ((1080, 1920), 1333, 800, (750, 1333)),
        ((640, 480), 1333, 800, (1067, 800)),
        ((640, 480), 4200, 400, (533, 400)),
    ],
)
def test_resize_is_that_of_mmdet(size, long_edge, short_edge, expected):
    results = dict(clip_size=size, clip_matrix=np.eye(3))
    step = dict(
        type='cape_mm.ClipResize', long_edge=long_edge, short_edge=short_edge
    )
    results = TRANSFORMS.build(step)(results)
    assert results['clip_size'] == expected


def test_ranges_of_resize_and_crop_are_kept():
    rng = np.random.default_rng(0)
    resize = TRANSFORMS.build(
        dict(type='cape_mm.ClipResize', long_edge=80, short_edge=(40, 80))
    )
    crop = TRANSFORMS.build(
        dict(type='cape_mm.RandomClipCrop', size_range=(20, 50))
    )
    longest, widths = set(), set()
    for _ in range(200):
        results = dict(clip_size=(100, 100), clip_matrix=np.eye(3), rng=rng)
        longest.add(max(resize(results)['clip_size']))
        results = dict(clip_size=(100, 30), clip_matrix=np.eye(3), rng=rng)
        width, height = crop(results)['clip_size']
        x, y = results['clip_matrix'][:2, 2]
        assert -x + width <= 100 and -y + height <= 30 and max(x, y) <= 0
        assert 20 <= width <= 50 and 20 <= height <= 30
        widths.add(width)
    assert (min(longest), max(longest)) == (40, 80)
    assert (min(widths), max(widths)) == (20, 50)


def test_policies_are_all_used():
    step = TRANSFORMS.build(
        dict(
            type='cape_mm.RandomClipPolicy',
            policies=[
                [dict(type='cape_mm.ClipFit', input_size=(s, s))]
                for s in (10, 20)
            ],
        )
    )
    rng = np.random.default_rng(0)
    sizes = {
        step(dict(clip_size=(4, 4), clip_matrix=np.eye(3), rng=rng))[
            'clip_size'
        ]
        for _ in range(20)
    }
    assert sizes == {(10, 10), (20, 20)}


def test_random_steps_say_what_they_need():
    with pytest.raises(KeyError, match='RandomClipFlip draws from'):
        TRANSFORMS.build(dict(type='cape_mm.RandomClipFlip'))(
            dict(clip_size=(40, 30))
        )


def test_known_matrices_of_moves():
    size = (40, 20)
    assert np.allclose(move_matrix(np.zeros(4), size), np.eye(3))
    matrix = move_matrix(np.array([np.pi / 2, 0.1, 0, np.log(2)]), size)
    # the middle moves by a tenth of the width
    assert np.allclose(matrix @ [20, 10, 1], [24, 10, 1])
    # a point to its right comes below it, twice as far
    assert np.allclose(matrix @ [25, 10, 1], [24, 20, 1])
