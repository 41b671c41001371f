# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_mm.apis import read_request
from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    export_annotations,
    read_annotations,
)
from cape_mm.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / 'request.json'
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text)
        return str(path)

    return write_file


SUPPORT = dict(image='a.jpg', keypoints=[[1, 2], None])


def test_paths_are_relative_to_the_file(write, tmp_path):
    request = read_request(
        write(
            dict(
                category='mug',
                skeleton=[[0, 1]],
                supports=[SUPPORT],
                queries=[dict(image='/b.jpg', box=[1, 2, 3, 4])],
            )
        ),
        allow_outside=True,
    )
    assert request.supports[0].image == str(tmp_path / 'a.jpg')
    assert request.queries[0].image == '/b.jpg'
    assert request.queries[0].box == [1, 2, 3, 4]
    assert request.category_name == 'mug'
    assert request.skeleton == [[0, 1]]


@pytest.mark.parametrize(
    'content, message',
    [
        ('{', 'no valid JSON'),
        ([], 'must hold an object'),
        (dict(support=[SUPPORT]), "key 'support' is unknown; there are"),
        (dict(supports=[dict(keypoints=[])]), 'entry 0 of supports'),
        (dict(supports=[dict(image='a')]), 'has no keypoints'),
        (dict(queries=[dict(image='a', bbox=[])]), "key 'bbox' is unknown"),
    ],
)
def test_wrong_file_is_explained(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_request(write(content))


def test_annotation_file_gives_one_support_and_queries(request_of_test):
    assert len(request_of_test.supports) == 1
    assert len(request_of_test.queries) == 3
    support = request_of_test.supports[0]
    assert len(support.keypoints) == len(request_of_test.keypoint_names)
    assert len(support.box) == 4


def test_annotations_may_be_chosen(tiny):
    path = tiny.root / 'annotations' / 'mp100_split1_test.json'
    content = json.loads(path.read_text())
    last = content['annotations'][-1]
    category = last['category_id']
    same = [
        ann['id']
        for ann in content['annotations']
        if ann['category_id'] == category
    ]
    request = read_request(str(path), support_ids=[last['id']])
    assert len(request.queries) == len(same) - 1
    request = read_request(str(path), category=category)
    assert len(request.queries) == len(same) - 1
    other = content['annotations'][0]['id']
    with pytest.raises(ValueError, match=f'annotation {other} is of category'):
        read_request(str(path), support_ids=same[:1], query_ids=[other])
    with pytest.raises(ValueError, match='no usable annotation -1'):
        read_request(str(path), support_ids=[-1])
    name = {c['id']: c['name'] for c in content['categories']}[category]
    by_name = read_request(str(path), category=name)
    assert by_name.queries == request.queries
    with pytest.raises(ValueError, match="no category 99, only .*'"):
        read_request(str(path), category=99)


@pytest.fixture
def predictions(tmp_path, write):
    """Predictions on three images of 40 x 30 pixels."""
    for number in range(4):
        pixels = np.full((30, 40, 3), number, np.uint8)
        cv2.imwrite(str(tmp_path / f'{number}.png'), pixels)
    boxes = [0, 0, 39, 29], [1, 2, 30, 20], [3, 4, 30, 20]
    entries = [
        dict(
            image=str(tmp_path / f'{number}.png'),
            image_id=50 + number,
            box=box,
            keypoints=[[5 + number, 6], None],
            scores=[0.9, 0.1],
        )
        for number, box in enumerate(boxes)
    ]
    support = dict(
        image=str(tmp_path / '3.png'),
        box=[1, 1, 9, 9],
        keypoints=[[2, 3], [4, 5]],
    )
    return write(
        dict(
            category='mug',
            category_id=7,
            keypoint_names=['a', 'b'],
            skeleton=[[0, 1]],
            supports=[support],
            queries=entries,
        )
    )


def test_predictions_are_predicted_again(predictions, tmp_path):
    request = read_request(predictions)
    assert request.supports[0].image == str(tmp_path / '3.png')
    assert request.supports[0].keypoints == [[2, 3], [4, 5]]
    assert [query.box for query in request.queries] == [
        None,  # it was the whole image
        [1, 2, 30, 20],
        [3, 4, 30, 20],
    ]
    assert [query.image_id for query in request.queries] == [50, 51, 52]
    assert all(query.keypoints is None for query in request.queries)


def test_good_predictions_become_supports(predictions, tmp_path):
    request = read_request(predictions, support_ids=[0, 2])
    assert [s.keypoints for s in request.supports] == [
        [[5, 6], None],
        [[7, 6], None],
    ]
    assert [q.image for q in request.queries] == [str(tmp_path / '1.png')]
    request = read_request(predictions, query_ids=[2])
    assert [q.image for q in request.queries] == [str(tmp_path / '2.png')]
    with pytest.raises(ValueError, match='no query 3, there are 3'):
        read_request(predictions, support_ids=[3])


def test_results_and_other_annotations_are_requests(predictions, tmp_path):
    report = AnnotationReport('test', problems=REPAIRS)
    annotations = read_annotations([tmp_path / 'request.json'], report)
    for format in ('coco-results', 'labelme'):
        out = tmp_path / format
        export_annotations(annotations, format, out, link=False)
        path = out / 'results.json' if 'results' in format else out
        root = str(tmp_path) if 'results' in format else None
        request = read_request(str(path), root)
        assert request.supports[0].keypoints[0] == [5, 6, 2]
        assert len(request.queries) == 2
        request = read_request(str(path), root, 1, [3], [1])
        assert request.supports[0].keypoints[0] == [7, 6, 2]
        assert len(request.queries) == 1
        with pytest.raises(ValueError, match='no usable instance 9'):
            read_request(str(path), root, support_ids=[9])
        with pytest.raises(ValueError, match="no category 4, only 1 'mug'"):
            read_request(str(path), root, 4)


@pytest.mark.parametrize(
    ('key', 'value'),
    [('keypoint_names', 3), ('skeleton', 'a-b'), ('supports', {'a': 1})],
)
def test_values_of_another_type_are_named(write, predictions, key, value):
    for content in ({}, json.loads(Path(predictions).read_text())):
        with pytest.raises(DataError, match=f'{key} is .*, not a list'):
            read_request(write({**content, key: value}))


@pytest.mark.parametrize(
    ('key', 'value'), [('image', 7), ('keypoints', 5), ('box', 'all')]
)
def test_values_of_a_member_of_another_type_are_named(
    write, predictions, key, value
):
    content = json.loads(Path(predictions).read_text())
    content['supports'][0][key] = value
    message = f'entry 0 of supports: {key} is .*, not'
    with pytest.raises(DataError, match=message):
        read_request(write(content))
    with pytest.raises(DataError, match=message):
        read_request(write(dict(supports=content['supports'])))


def test_predictions_without_boxes_are_read(write, predictions):
    content = json.loads(Path(predictions).read_text())
    for entry in content['queries']:
        del entry['box']
    request = read_request(write(content))
    assert [query.box for query in request.queries] == [None] * 3
