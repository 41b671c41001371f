# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest

from cape_mm.apis import read_request


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
        )
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
        (dict(support=[SUPPORT]), 'must hold an object with the keys'),
        (dict(supports=[dict(keypoints=[])]), 'entry 0 of supports'),
        (dict(supports=[dict(image='a')]), 'has no keypoints'),
        (dict(queries=[dict(image='a', bbox=[])]), 'unknown keys'),
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
    request = read_request(str(path), category_id=category)
    assert len(request.queries) == len(same) - 1
    other = content['annotations'][0]['id']
    with pytest.raises(ValueError, match=f'annotation {other} is of category'):
        read_request(str(path), support_ids=same[:1], query_ids=[other])
    with pytest.raises(ValueError, match='no usable annotation -1'):
        read_request(str(path), support_ids=[-1])
    with pytest.raises(ValueError, match='no instance of category 99'):
        read_request(str(path), category_id=99)
