# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    PROBLEMS,
)
from cape_mm.datasets.formats.mp100.annotation_file import (
    clean_box,
    load_annotation_file,
)
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / 'docs' / 'en' / 'examples' / 'own_annotations.json'


@pytest.fixture
def build(write_mp100):
    return lambda edit: DATASETS.build(write_mp100(edit=edit))


def test_example_of_the_guide_to_own_data_is_readable(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    (image,) = load_annotation_file(str(EXAMPLE))['images']
    path = tmp_path / 'images' / image['file_name']
    path.parent.mkdir(parents=True)
    size = (image['height'], image['width'], 3)
    cv2.imwrite(str(path), np.zeros(size, np.uint8))
    dataset = DATASETS.build(
        dict(
            type='cape_mm.MP100Dataset',
            data_root=str(tmp_path),
            ann_file=EXAMPLE.name,
        )
    )
    (category,) = dataset.categories.values()
    assert category.num_keypoints == 4 and len(category.skeleton) == 3
    visible = dataset.get_data_info(0)['keypoints_visible']
    assert visible.tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize(
    'bbox, cleaned',
    [
        ([10, 8, 31, 25], [10, 8, 40, 32]),
        ([-5, -4, 20, 10], [0, 0, 19, 9]),
        ([50, 40, 100, 100], [50, 40, 63, 47]),
        ([0, 0, 64, 48], [0, 0, 63, 47]),
        ([10.5, 8.25, 2, 3], [10.5, 8.25, 11.5, 10.25]),
        ([10, 8, 1, 25], None),
        ([10, 8, 31, -2], None),
        ([63, 8, 20, 20], None),
    ],
)
def test_box_rule(bbox, cleaned):
    box = clean_box(bbox, 64, 48)
    assert (None if box is None else box.tolist()) == (
        None if cleaned is None else [cleaned]
    )


ANNOTATION_PROBLEMS = dict(
    duplicate_id=dict(id=103),
    unknown_image=dict(image_id=999),
    unknown_category=dict(category_id=7),
    crowd=dict(iscrowd=1),
    no_bbox=dict(bbox=[]),
    no_area=dict(area=0),
    no_keypoints=dict(keypoints=[]),
    keypoint_count=dict(keypoints=[1, 2, 2] * 4),
    not_finite=dict(keypoints=[float('nan'), 2, 2] * 5),
    no_visible_keypoint=dict(keypoints=[0] * 15),
    degenerate_box=dict(bbox=[10, 8, 1, 1]),
)


@pytest.mark.parametrize('kind', ANNOTATION_PROBLEMS)
def test_bad_annotation_is_skipped_and_reported_once(
    kind, build, warnings_logged
):
    def edit(content):
        content['annotations'][3].update(ANNOTATION_PROBLEMS[kind])

    dataset = build(edit)
    assert dataset.indices_by_category == {10: [0, 1, 2], 20: [3, 4, 5]}
    (text,) = warnings_logged
    assert 'ann.json' in text
    assert f'1 {PROBLEMS[kind]}' in text
    ann_id = 103 if kind == 'duplicate_id' else 104
    assert re.search(rf'annotation {ann_id} \(.*\)', text)


@pytest.mark.parametrize(
    'kind, change',
    [
        ('no_visible_keypoint', dict(num_keypoints=0)),
        ('no_visible_keypoint', dict(keypoints=[5, 6, 0] * 5)),
        ('not_finite', dict(bbox=[0, 0, 10, float('inf')])),
        ('not_finite', dict(keypoints=[None, 2, 2] * 5)),
        ('not_finite', dict(bbox=[0, 0, 10])),
        ('not_finite', dict(area='9')),
        ('not_finite', dict(keypoints=['1', 2, '2'] * 5)),
        ('keypoint_count', dict(keypoints=[1, 2, 2, 3])),
        ('no_bbox', dict(bbox=None)),
    ],
)
def test_more_forms_of_a_problem(kind, change, build, warnings_logged):
    dataset = build(lambda content: content['annotations'][3].update(change))
    assert len(dataset) == 6
    assert PROBLEMS[kind] in warnings_logged[0]


def test_every_kind_of_problem_is_tested():
    tested = {*ANNOTATION_PROBLEMS}
    tested |= {'keypoint_names', 'bad_skeleton', 'bad_flip_pairs'}
    tested |= {'one_based', 'missing_image', *IMPLAUSIBLE}
    assert tested == set(PROBLEMS)


def test_missing_optional_fields_are_no_problem(build, warnings_logged):
    def edit(content):
        for ann in content['annotations']:
            for key in ('area', 'iscrowd', 'num_keypoints'):
                del ann[key]
        for category in content['categories']:
            for key in ('supercategory', 'keypoints', 'skeleton'):
                del category[key]

    dataset = build(edit)
    assert len(dataset) == 7
    assert warnings_logged == []
    assert dataset.categories[20].keypoint_names == (
        'keypoint_0',
        'keypoint_1',
        'keypoint_2',
    )
    assert dataset.categories[20].skeleton == ()


def test_report_counts_all_but_shows_only_the_first_examples(
    build, warnings_logged
):
    def edit(content):
        for ann in content['annotations'][:5]:
            ann['iscrowd'] = 1

    build(edit)
    text = warnings_logged[0]
    assert '5 crowd annotations' in text
    assert '... and 2 more' in text
    assert 'annotation 103' in text and 'annotation 104' not in text


def test_invalid_edges_are_dropped_and_reported(build, warnings_logged):
    def edit(content):
        content['categories'][0]['skeleton'] = [
            [0, 1], [1, 9], [-1, 2], [2, 2], [1], 'x', [1.5, 2], [3, 4],
        ]  # fmt: skip

    dataset = build(edit)
    assert dataset.categories[10].skeleton == ((0, 1), (3, 4))
    assert f'6 {PROBLEMS["bad_skeleton"]}' in warnings_logged[0]
    assert 'edge [1, 9]' in warnings_logged[0]


def test_skeleton_that_counts_from_one_is_dropped_as_a_whole(
    build, warnings_logged
):
    def edit(content):
        content['categories'][1]['skeleton'] = [[1, 2], [2, 3]]

    assert build(edit).categories[20].skeleton == ()
    assert 'count from 1' in warnings_logged[0]


def test_flip_pairs_are_optional_and_reach_the_instances(build):
    def edit(content):
        content['categories'][0]['flip_pairs'] = [[0, 1], [4, 3]]
        content['categories'][1]['flip_pairs'] = []

    dataset = build(edit)
    assert dataset.categories[10].flip_pairs == ((0, 1), (4, 3))
    assert dataset.categories[20].flip_pairs == ()
    assert build(lambda content: None).categories[10].flip_pairs is None
    index = dataset.find_instance(10, 0)
    assert dataset.get_data_info(index)['flip_pairs'] == ((0, 1), (4, 3))


def test_bad_flip_pairs_are_dropped_and_reported(build, warnings_logged):
    def edit(content):
        content['categories'][0]['flip_pairs'] = [
            [0, 1], [1, 2], [9, 2], [3, 3], 'ab', [4, 3],
        ]  # fmt: skip

    dataset = build(edit)
    assert dataset.categories[10].flip_pairs == ((0, 1), (4, 3))
    assert f'4 {PROBLEMS["bad_flip_pairs"]}' in warnings_logged[0]
    assert 'flip pair [9, 2]' in warnings_logged[0]


def test_flip_pairs_that_count_from_one_are_dropped_as_a_whole(
    build, warnings_logged
):
    def edit(content):
        content['categories'][1]['flip_pairs'] = [[1, 2], [2, 3]]

    assert build(edit).categories[20].flip_pairs == ()
    assert 'flip_pairs seems to count from 1' in warnings_logged[0]


def test_names_that_contradict_all_annotations_are_dropped(
    build, warnings_logged
):
    def edit(content):
        content['categories'][0]['keypoints'] = ['a', 'b']

    dataset = build(edit)
    assert dataset.categories[10].num_keypoints == 5
    assert dataset.categories[10].keypoint_names[4] == 'keypoint_4'
    assert len(dataset) == 7
    assert PROBLEMS['keypoint_names'] in warnings_logged[0]


def test_copies_of_images_and_categories_are_reported(build, warnings_logged):
    def edit(content):
        for part in ('images', 'categories'):
            content[part].append(dict(content[part][0]))

    dataset = build(edit)
    assert dataset.categories[10].num_keypoints == 5
    assert len(dataset) == 7
    assert f'2 {PROBLEMS["duplicate_id"]}' in warnings_logged[0]


@pytest.mark.parametrize(
    'part, change', [('images', 'file_name'), ('categories', 'name')]
)
def test_two_images_or_categories_of_one_id_are_refused(build, part, change):
    def edit(content):
        content[part].append(dict(content[part][0], **{change: 'x'}))

    with pytest.raises(DataError, match=f"'{part}': the id 1.* occurs twice"):
        build(edit)
