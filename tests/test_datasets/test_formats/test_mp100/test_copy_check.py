# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import pytest

from cape_mm.datasets.formats.image_check import check_images
from cape_mm.datasets.formats.mp100.copy_check import (
    check_annotation_file,
    check_splits,
    count_lost_pairs,
)
from cape_mm.datasets.formats.mp100.copy_report import format_report
from cape_mm.datasets.formats.mp100.pair_list import draw_pair_list

INSTANCES = {5: list(range(20)), 6: list(range(100, 118)), 7: [200, 201]}
PARTS = dict(train=70, val=10, test=20)


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
    return format_report(
        dict(splits=splits, files=[result], proven=[], unproven=[])
    )


def test_missing_images_are_listed_by_category_and_source(check):
    result = check({'car/1.png': 'missing', 'cow_body/a.png': 'wrong_size'})
    car, skirt, cow, _ = result['categories']
    assert car['missing'] == ['car/1.png'] and car['sources'] == ['CarFusion']
    assert (car['instances'], car['available']) == (1, 0)
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
    assert result['usable_instances'] == result['protocol_instances'] == 2
    assert '1 annotations with a degenerate box' in text_of(result)
    assert 'annotation 101' in text_of(result)


def test_reader_that_is_stricter_than_the_protocol_is_mentioned(
    check, content
):
    content['annotations'].append(
        dict(content['annotations'][0], id=7, keypoints=[1, 1, 2])
    )
    assert 'the published loaders count 5 instances' in text_of(check())


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


def test_training_needs_one_instance_more_than_shots(check):
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


def count(available, shots=1):
    return count_lost_pairs(INSTANCES, available, 'test', shots, 15)


def test_nothing_is_lost_with_all_images():
    effect = count({i for ids in INSTANCES.values() for i in ids})
    assert effect['pairs'] == 2 * 200 * 15
    assert effect['lost'] == effect['lost_share'] == 0
    assert effect['fell_below'] == [] and effect['too_small'] == [7]
    assert effect['sha256'] == draw_pair_list(INSTANCES).sha256


def test_lost_pairs_are_counted_by_brute_force():
    missing = {3, 11, 105}
    available = {i for ids in INSTANCES.values() for i in ids} - missing
    for shots in (1, 3):
        effect = count(available, shots)
        expected = {5: 0, 6: 0}
        for episode in draw_pair_list(INSTANCES, shots).episodes:
            for query in episode.queries:
                lost = missing & {query, *episode.supports}
                expected[episode.category_id] += bool(lost)
        assert effect['lost_by_category'] == expected
        assert effect['lost'] == sum(expected.values()) > 0


def test_category_without_enough_images_left_is_named():
    available = {i for ids in INSTANCES.values() for i in ids}
    effect = count(available - {100, 101, 102})
    assert effect['fell_below'] == [6]


@pytest.fixture
def contents():
    """15 files as in MP-100: every category is tested once."""
    contents = {}
    for split in range(5):
        ids = [(number + 20 * split) % 100 + 1 for number in range(100)]
        parts = dict(test=ids[:20], val=ids[20:30], train=ids[30:])
        for part, chosen in parts.items():
            contents[f'mp100_split{split + 1}_{part}.json'] = dict(
                categories=[dict(id=key, name=f'c{key}') for key in chosen]
            )
    return contents


def test_sound_splits_have_no_problem(contents):
    assert not any(check_splits(contents).values())


def test_missing_and_other_files_are_listed(contents):
    contents['mine.json'] = contents.pop('mp100_split3_val.json')
    result = check_splits(contents)
    assert result['missing_files'] == ['mp100_split3_val.json']
    assert result['other_files'] == ['mine.json']
    del contents['mp100_split1_test.json']
    assert check_splits(contents)['not_tested_once'] == []


def test_category_in_two_parts_is_a_problem(contents):
    train = contents['mp100_split2_train.json']['categories']
    train[0] = contents['mp100_split2_test.json']['categories'][4]
    (overlap,) = check_splits(contents)['overlaps']
    assert overlap == dict(
        split=2, category_id=train[0]['id'], parts=['train', 'test']
    )


def test_wrong_number_of_categories_and_of_tests(contents):
    contents['mp100_split1_test.json']['categories'].pop()
    result = check_splits(contents)
    assert result['sizes'] == {'mp100_split1_test.json': 19}
    assert result['not_tested_once'] == [20]


def test_contradicting_definitions(contents):
    contents['mp100_split4_val.json']['categories'][0]['skeleton'] = [[0, 1]]
    key = contents['mp100_split4_val.json']['categories'][0]['id']
    assert check_splits(contents)['contradictions'] == [key]
