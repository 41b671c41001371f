# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import pytest

from cape_mm.datasets.formats.mp100 import (
    check_annotation_file,
    check_images,
    check_splits,
    format_report,
)


@pytest.fixture
def check(content):
    def check(states=None, part='test', **kwargs):
        states = states or {}
        names = [image['file_name'] for image in content['images']]
        return check_annotation_file(
            Path(f'mp100_split1_{part}.json'),
            content,
            {name: states.get(name, 'ok') for name in names},
            **kwargs,
        )

    return check


def text_of(result):
    splits = check_splits({})
    return format_report(dict(splits=splits, files=[result]))


def test_missing_images_are_listed_by_category_and_source(check):
    result = check({'car/1.png': 'missing', 'cow_body/a.png': 'wrong_size'})
    car, skirt, cow, _ = result['categories']
    assert car['missing'] == ['car/1.png'] and car['sources'] == ['CarFusion']
    assert (car['objects'], car['available']) == (1, 0)
    assert skirt['states'] == dict(ok=1) and skirt['available'] == 1
    assert cow['states'] == dict(wrong_size=1) and cow['available'] == 0
    assert result['sources']['CarFusion']['states'] == dict(missing=1)
    assert result['states'] == dict(ok=2, missing=1, wrong_size=1)
    text = text_of(result)
    assert "category 1 'car': 0 of 1 there, 1 missing" in text
    assert 'CarFusion: 0 of 1 there, 1 missing' in text
    assert '2 of 4 there, 1 missing, 1 wrong_size' in text


def test_problems_of_annotations_are_those_of_the_reader(check, content):
    content['annotations'][0]['bbox'] = [39, 3, 9, 9]
    content['annotations'][1].update(keypoints=[0] * 12, num_keypoints=0)
    result = check()
    assert set(result['problems']) == {'degenerate_box', 'no_visible_keypoint'}
    assert result['usable_objects'] == result['protocol_objects'] == 2
    assert '1 annotations with a degenerate box' in text_of(result)
    assert 'annotation 101' in text_of(result)


def test_reader_that_is_stricter_than_the_protocol_is_mentioned(
    check, content
):
    content['annotations'].append(
        dict(content['annotations'][0], id=7, keypoints=[1, 1, 2])
    )
    assert 'the published loaders count 5 objects' in text_of(check())


def test_skeletons(check, content):
    assert 'skeletons: all 4' in text_of(check())
    del content['categories'][2]['skeleton']
    result = check()
    assert result['without_skeleton'] == [3]
    assert 'skeletons: none in categories 3' in text_of(result)
    for category in content['categories']:
        category['skeleton'] = []
    assert 'skeletons: NONE' in text_of(check())


def test_pairs_that_do_not_exist(check):
    (effect,) = check(shots=(1,))['effects']
    assert effect['too_small'] == [1, 2, 3, 4] and not effect['pairs']
    assert 'published list does not exist' in text_of(check())
    assert check(part='train')['effects'] == []


def test_training_needs_one_object_more_than_shots(check):
    result = check(part='train')
    assert result['too_small_for_training'][1] == [1, 2, 3, 4]
    assert '1-shot training leaves out categories 1, 2' in text_of(result)


def test_report_is_plain_json(check):
    json.dumps(check({'car/1.png': 'unreadable'}))


def test_real_file_is_sound(mp100_mini):
    path = mp100_mini / 'annotations' / 'mp100_split1_val.json'
    content = json.loads(path.read_text())
    states = check_images(content['images'], mp100_mini / 'images')
    result = check_annotation_file(path, content, states, num_queries=1)
    assert result['states'] == dict(ok=6) and not result['problems']
    assert result['effects'][0]['pairs'] == 300
    assert 'all 300 pairs can be evaluated' in text_of(result)
