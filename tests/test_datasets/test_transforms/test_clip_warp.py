# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.transforms.clip_geometry import move_matrix
from cape_mm.datasets.transforms.clip_warp import (
    INSTANCE_FIELDS,
    select_instances,
)
from cape_mm.registry import TRANSFORMS


def make_instances(xs, outside=()):
    """Persons at the given x, who have their x in every field."""
    count = len(xs)
    xs = np.array(xs, np.float32)
    keypoints = np.stack([np.stack([xs, xs * 0 + 10], 1)] * 3, axis=1)
    return dict(
        keypoints=keypoints,
        keypoints_visible=np.ones((count, 3), np.float32),
        bboxes=np.stack([xs - 2, xs, xs + 2, xs + 4], axis=1),
        bbox_head=np.stack([xs, xs, xs + 1, xs + 1], axis=1),
        areas=xs.copy(),
        track_ids=(100 * xs).astype(np.int64),
    )


def warp(frames, size, matrix=None, test_mode=False):
    results = dict(
        frames=frames,
        clip_matrix=np.eye(3) if matrix is None else matrix,
        clip_size=size,
        flip_indices=[0, 2, 1],
        test_mode=test_mode,
    )
    return TRANSFORMS.build(dict(type='cape_mm.WarpClip'))(results)['frames']


def make_frame(xs, size=(60, 20)):
    return dict(
        img=np.zeros((size[1], size[0], 3), np.uint8),
        instances=make_instances(xs),
    )


def crop_left(pixels):
    matrix = np.eye(3)
    matrix[0, 2] = -pixels
    return matrix


@pytest.mark.parametrize('order', [[5, 30, 50], [30, 5, 50], [50, 30, 5]])
def test_cropping_a_person_out_does_not_shift_the_identities(order):
    # another order and other persons in each frame
    frames = [make_frame(order), make_frame(order[::-1]), make_frame([30, 5])]
    frames = warp(frames, (40, 20), crop_left(20))
    for frame, expected in zip(frames, (order, order[::-1], [30, 5])):
        kept = [x for x in expected if x != 5]
        instances = frame['instances']
        assert set(instances) == set(INSTANCE_FIELDS)
        for x, ids, area, box, head, points, visible in zip(
            kept,
            instances['track_ids'],
            instances['areas'],
            instances['bboxes'],
            instances['bbox_head'],
            instances['input_keypoints'],
            instances['input_visible'],
        ):
            assert (ids, area, box[1], head[0]) == (100 * x, x, x, x)
            assert (points[:, 0] == x - 20).all() and visible.all()
        assert all(len(v) == len(kept) for v in instances.values())


def test_in_test_no_person_is_dropped():
    (frame,) = warp([make_frame([5, 30])], (40, 20), crop_left(20), True)
    assert frame['instances']['track_ids'].tolist() == [500, 3000]
    assert frame['instances']['input_visible'].sum(axis=1).tolist() == [0, 3]


def test_keypoints_that_leave_the_input_or_the_image_do_not_count():
    frame = make_frame([30])
    points = frame['instances']['keypoints']
    points[0] = [[19, 10], [30, -3], [30, 10]]
    matrix = crop_left(20)
    matrix[1, 2] = 8  # the border above the image is in the input
    (warped,) = warp([frame], (40, 28), matrix)
    assert warped['instances']['input_visible'].tolist() == [[0, 0, 1]]
    # the annotation itself stays
    assert warped['instances']['keypoints_visible'].tolist() == [[1, 1, 1]]


def test_boxes_are_cut_at_the_input():
    (frame,) = warp([make_frame([21])], (40, 20), crop_left(20))
    assert frame['instances']['input_bboxes'].tolist() == [
        [-0.5, 19.5, 3, 19.5]
    ]


def test_frames_without_persons():
    (frame,) = warp([make_frame([])], (30, 20))
    shapes = {k: v.shape for k, v in frame['instances'].items()}
    assert shapes['input_keypoints'] == (0, 3, 2)
    assert shapes['input_bboxes'] == (0, 4)


def test_a_frame_may_move_before_the_clip_does():
    move = np.array([0.3, 0.05, -0.1, 0.2])
    frames = [make_frame([30]), dict(make_frame([30]), move=move)]
    clip = np.diag([2.0, 2.0, 1.0])
    one, other = warp(frames, (120, 40), clip)
    corners = clip @ move_matrix(move, (60, 20))
    point = corners @ [30.5, 10.5, 1]
    found = other['instances']['input_keypoints'][0, 0]
    assert np.allclose(found, point[:2] - 0.5, atol=1e-3)
    assert np.allclose(one['instances']['input_keypoints'][0, 0], [60.5, 20.5])


def test_unknown_fields_and_wrong_lengths_are_refused():
    keep = np.array([True, False])
    with pytest.raises(ValueError, match='unknown fields of persons: poses'):
        select_instances(dict(poses=np.zeros(2)), keep)
    with pytest.raises(ValueError, match="rows: {'areas': 3}"):
        select_instances(dict(areas=np.zeros(3)), keep)
