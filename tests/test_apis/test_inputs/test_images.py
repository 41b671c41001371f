# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cape_mm.apis.inputs.images import (
    ImageLoader,
    check_keypoints,
    check_skeleton,
    clip_box,
)
from cape_mm.errors import DataError

IMAGE = np.full((40, 80, 3), 9, np.uint8)


@pytest.fixture
def loader(inferencer):
    return ImageLoader(inferencer.test_dataset['pipeline'])


def box_of(packed):
    return packed['data_samples'].gt_instances.bboxes[0].tolist()


def test_unlabelled_points_are_neutral():
    points = check_keypoints([[3, 4], [5, 6, 0], None, [7, 8, 1]], 'x')
    assert points.tolist() == [[3, 4, 1], [0, 0, 0], [0, 0, 0], [7, 8, 1]]


def test_box_is_cut_at_the_border():
    assert clip_box([-5, 3, 200, 20], (80, 40), 'x').tolist() == [0, 3, 79, 20]
    assert clip_box(None, (80, 40), 'x').tolist() == [0, 0, 79, 39]


def test_default_box_surrounds_the_labelled_keypoints(loader):
    points = check_keypoints([[20, 10], [40, 20], [70, 39, 0]], 'x')
    packed = loader.load_support(IMAGE, points, None)
    assert box_of(packed) == [18, 8, 42, 22]


def test_single_keypoint_means_the_whole_image(loader):
    points = check_keypoints([[20, 10]], 'x')
    packed = loader.load_support(IMAGE, points, None)
    assert box_of(packed) == [0, 0, 79, 39]


def test_query_has_no_annotation(loader):
    sample = loader.load_query(IMAGE, 3, None)['data_samples']
    assert 'gt_instance_labels' not in sample
    assert sorted(sample.gt_instances.keys()) == ['bbox_scores', 'bboxes']


def test_pipeline_has_to_load_the_image():
    with pytest.raises(ValueError, match='begin with LoadImage'):
        ImageLoader([dict(type='GetBBoxCenterScale')])


def test_images_are_turned_as_their_exif_says(loader, tmp_path):
    file = tmp_path / 'turned.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by a quarter
    Image.fromarray(IMAGE).save(file, exif=exif)
    assert box_of(loader.load_query(file, 3, None)) == [0, 0, 39, 79]


@pytest.mark.parametrize('point', ['ab', 7, [1], [1, 'x'], [1, 2, 3, 4]])
def test_what_is_no_keypoint_is_reported(point):
    with pytest.raises(DataError, match='mug.jpg: keypoint 1 is') as error:
        check_keypoints([[1, 2], point], 'mug.jpg')
    assert str(point) in str(error.value)


@pytest.mark.parametrize('box', [7, 'all', [1, 2, 3], [1, 2, 3, 'x']])
def test_what_is_no_box_is_reported(box):
    with pytest.raises(DataError, match='is not x1, y1, x2, y2') as error:
        clip_box(box, (9, 9), 'mug.jpg')
    assert str(box) in str(error.value)


def test_box_may_come_as_a_row_of_boxes():
    box = clip_box(np.array([[1, 2, 30, 4.0]]), (9, 9), 'mug.jpg')
    assert box.tolist() == [1, 2, 8, 4]


@pytest.mark.parametrize(
    'edge', [[0, 3], [1, 1], [0, 0.5], [0, 1, 2], 'ab', 1]
)
def test_what_is_no_edge_is_reported(edge):
    with pytest.raises(DataError, match='no pair of two') as error:
        check_skeleton([[0, 1], edge], 3)
    assert f'edge {edge!r} of' in str(error.value)


def test_edges_may_come_as_text():
    assert check_skeleton([['0', '2'], (1, 0)], 3) == [[0, 2], [1, 0]]
