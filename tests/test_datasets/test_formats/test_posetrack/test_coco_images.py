# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import (
    POSETRACK_PROBLEMS,
    keypoint_names,
    read_coco_images,
)

COCO = keypoint_names('coco')


def make_content():
    points = np.column_stack(
        [np.arange(17) + 1, np.arange(17) + 50, np.arange(17) % 3]
    )
    person = dict(
        id=9,
        image_id=3,
        category_id=1,
        bbox=[0, 0, 20, 70],
        area=400,
        keypoints=points.ravel().tolist(),
    )
    other = dict(id=10, image_id=3, category_id=2, bbox=[0, 0, 1, 1])
    return dict(
        images=[
            dict(id=3, file_name='x.jpg', width=20, height=70),
            dict(id=4, file_name='y.jpg'),
        ],
        annotations=[person, other],
        categories=[
            dict(id=1, name='person', keypoints=list(COCO)),
            dict(id=2, name='dog'),
        ],
    )


@pytest.fixture
def read(tmp_path):
    def call(content, layout):
        path = tmp_path / 'coco.json'
        path.write_text(json.dumps(content))
        return _read(str(path), layout)

    return call


def _read(path, layout):
    report = AnnotationReport('file', problems=POSETRACK_PROBLEMS)
    names = keypoint_names(layout)
    return read_coco_images(path, names, report)


def test_posetrack15_takes_13_keypoints_by_name_and_invents_none(read):
    frame, empty = read(make_content(), 'posetrack15')
    (person,) = frame['persons']
    for name, row in zip(keypoint_names('posetrack15'), person.keypoints):
        if name in ('head_bottom', 'head_top'):
            assert row.tolist() == [0, 0, 0]
        else:
            index = COCO.index(name)
            assert row.tolist() == [index + 1, index + 50, index % 3]
    assert (frame['size'], empty['size']) == ((20, 70), None)
    assert person.area == 400 and person.track_id is None
    assert empty['persons'] == [] and empty['is_labeled']


def test_coco_layout_keeps_all_17(read):
    frame, _ = read(make_content(), 'coco')
    assert frame['persons'][0].keypoints[:, 2].tolist() == [
        number % 3 for number in range(17)
    ]


def test_other_missing_keypoints_are_an_error(read):
    content = make_content()
    content['categories'][0]['keypoints'][5] = 'shoulder'
    with pytest.raises(ValueError, match='coco.json lacks .* left_shoulder;'):
        read(content, 'posetrack15')


def test_files_without_keypoints_are_refused(read):
    with pytest.raises(ValueError, match='no COCO keypoint file.*has images'):
        read(dict(images=[]), 'coco')
