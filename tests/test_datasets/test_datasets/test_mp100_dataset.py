# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from mmpose.visualization import PoseLocalVisualizer

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_report import PROBLEMS
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS


@pytest.fixture
def build(write_mp100):
    def build(edit=None, missing_images='error', **kwargs):
        cfg = write_mp100(edit=edit, **kwargs)
        return DATASETS.build(dict(cfg, missing_images=missing_images))

    return build


def test_item_follows_the_data_contract(build):
    dataset = build()
    info = dataset.get_data_info(0)
    assert info['img_path'].endswith('images/c10/1.png')
    assert (info['img_id'], info['id']) == (1, 101)
    assert (info['category_id'], info['category_name']) == (10, 'face')
    assert info['bbox'].tolist() == [[10, 8, 40, 32]]
    assert info['bbox'].dtype == np.float32
    assert info['bbox_score'].shape == (1,)
    assert info['keypoints'].shape == (1, 5, 2)
    assert info['keypoints'].dtype == np.float32
    assert info['keypoints'][0, 1].tolist() == [23, 16]
    assert info['keypoints_visible'].dtype == np.float32
    assert info['num_keypoints'] == 5
    assert info['keypoint_names'] == [f'point {i}' for i in range(5)]
    assert info['skeleton'] == [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert info['dataset_name'] == 'mp100'


def test_hidden_and_visible_count_the_same_and_unlabelled_does_not(build):
    def edit(content):
        content['annotations'][0]['keypoints'][2::3] = [0, 1, 2, 1, 0]

    visible = build(edit).get_data_info(0)['keypoints_visible']
    assert visible.tolist() == [[0, 1, 1, 1, 0]]


def test_categories_are_keyed_by_id_not_by_name(build):
    dataset = build()
    assert list(dataset.categories) == [10, 20]
    assert [c.name for c in dataset.categories.values()] == ['face', 'face']
    assert [c.num_keypoints for c in dataset.categories.values()] == [5, 3]
    assert dataset.categories[20].supercategory == 'animal face'
    assert dataset.indices_by_category == {10: [0, 1, 2, 3], 20: [4, 5, 6]}
    assert dataset.get_cat_ids(5) == [20]


def test_order_is_images_of_the_file_then_annotations_of_the_image(build):
    def edit(content):
        content['images'].reverse()
        content['annotations'][6]['image_id'] = 1
        content['annotations'][5]['image_id'] = 1

    dataset = build(edit)
    ids = [dataset.get_data_info(i)['id'] for i in range(len(dataset))]
    assert ids == [105, 104, 103, 102, 101, 106, 107]
    assert dataset.indices_by_category == {10: [1, 2, 3, 4], 20: [0, 5, 6]}


def test_file_without_usable_instance_is_refused(build):
    def edit(content):
        for ann in content['annotations']:
            ann['keypoints'] = [0] * len(ann['keypoints'])

    with pytest.raises(DataError, match='no usable instance'):
        build(edit)


def test_missing_image_is_an_error_with_its_remedy(write_mp100):
    cfg = write_mp100()
    Path(cfg['data_root'], 'images/c10/2.png').unlink()
    with pytest.raises(FileNotFoundError) as error:
        DATASETS.build(cfg)
    text = str(error.value)
    assert '1 of 7 images' in text
    assert 'images/c10/2.png' in text
    assert 'images/c10: 1 of 4' in text
    assert "missing_images='drop'" in text


def test_missing_images_are_dropped_on_request(write_mp100, warnings_logged):
    cfg = write_mp100()
    Path(cfg['data_root'], 'images/c10/2.png').unlink()
    dataset = DATASETS.build(dict(cfg, missing_images='drop'))
    assert dataset.indices_by_category == {10: [0, 1, 2], 20: [3, 4, 5]}
    assert f'1 {PROBLEMS["missing_image"]}' in warnings_logged[0]
    assert 'c10/2.png' in warnings_logged[0]


def test_missing_folder_is_an_error(write_mp100):
    cfg = write_mp100()
    with pytest.raises(FileNotFoundError, match='7 of 7 images'):
        DATASETS.build(dict(cfg, data_prefix=dict(img='nowhere')))


def test_missing_images_must_be_a_known_word(write_mp100):
    with pytest.raises(ValueError, match="'skip'"):
        DATASETS.build(dict(write_mp100(), missing_images='skip'))


def test_missing_annotation_file_is_named(write_mp100):
    cfg = dict(write_mp100(), ann_file='other.json')
    with pytest.raises(FileNotFoundError, match='other.json'):
        DATASETS.build(cfg)


@pytest.mark.parametrize(
    'text, message',
    [
        ('{"images": [', 'no valid JSON'),
        ('[]', "no list 'images'"),
        ('{"images": [], "annotations": []}', "no list 'categories'"),
        (
            '{"images": [{"id": 1, "file_name": "a"}], "annotations": [], '
            '"categories": []}',
            "entry 0 of 'images' has no width, height",
        ),
        (
            '{"images": [{"id": 1, "file_name": "a.jpg", "width": "w", '
            '"height": 3}], "annotations": [], "categories": []}',
            'a.jpg',
        ),
        (
            '{"images": [], "annotations": [], "categories": '
            '[{"id": "1", "name": "face"}]}',
            "entry 0 of 'categories': id is '1', must be int",
        ),
        (
            '{"images": [], "annotations": [], "categories": '
            '[{"id": 1, "name": "face", "keypoints": 17}]}',
            'keypoints is 17, must be list',
        ),
    ],
)
def test_broken_annotation_file_is_named(text, message, write_mp100):
    cfg = write_mp100()
    Path(cfg['data_root'], 'ann.json').write_text(text)
    with pytest.raises(DataError, match=message) as error:
        DATASETS.build(cfg)
    assert 'ann.json' in str(error.value)


def test_instance_is_found_by_category_and_position(build):
    dataset = build()
    assert dataset.find_instance(20, 0) == 4
    assert dataset.find_instance(10, 3) == 3


def test_wrong_category_lists_what_exists(build):
    with pytest.raises(DataError) as error:
        build().find_instance(7, 0)
    assert "10 'face': 4 instances" in str(error.value)
    assert "20 'face': 3 instances" in str(error.value)


@pytest.mark.parametrize('position', [-1, 4])
def test_wrong_position_lists_what_exists(position, build):
    with pytest.raises(DataError) as error:
        build().find_instance(10, position)
    assert 'it has 0 to 3' in str(error.value)
    assert re.search(r'1: \S*c10/2.png, annotation 102', str(error.value))


def test_subset_keeps_the_table_of_categories_right(build):
    dataset = build()
    assert dataset.get_subset([5, 0]).indices_by_category == {10: [1], 20: [0]}
    assert len(dataset.indices_by_category[10]) == 4
    dataset.get_subset_([6])
    assert dataset.indices_by_category == {10: [], 20: [0]}


def test_pipeline_uses_mmpose_names_without_default_scope(
    write_mp100, pipeline
):
    dataset = MP100Dataset(
        ann_file='ann.json',
        data_root=write_mp100()['data_root'],
        pipeline=pipeline,
    )
    item = dataset[0]
    assert item['inputs'].shape == (3, 32, 32)
    assert item['data_samples'].metainfo['dataset_name'] == 'mp100'


def test_metainfo_suits_the_visualizer(build):
    visualizer = PoseLocalVisualizer()
    visualizer.set_dataset_meta(build().metainfo)
    assert visualizer.dataset_meta == dict(dataset_name='mp100')


# Category id: keypoints, images, instances, labelled points per instance.
REAL_DATA = dict(
    mp100_split1_train={
        1: (68, 6, 6, 68, 68),
        2: (21, 10, 12, 7, 21),
        3: (17, 8, 18, 12, 17),
        4: (14, 5, 12, 6, 14),
        5: (16, 3, 3, 14, 16),
        6: (16, 2, 4, 7, 14),
        7: (17, 3, 3, 15, 17),
        8: (15, 2, 2, 10, 15),
        9: (32, 2, 2, 32, 32),
        10: (37, 2, 2, 28, 31),
    },
    mp100_split1_val={
        11: (19, 2, 2, 19, 19),
        12: (40, 2, 2, 38, 40),
        13: (9, 2, 2, 9, 9),
    },
    mp100_split1_test={14: (98, 2, 4, 98, 98), 16: (22, 3, 3, 11, 22)},
    extra_outside_splits={
        17: (17, 1, 1, 16, 16),
        18: (17, 1, 1, 16, 16),
        19: (20, 1, 1, 17, 17),
        20: (20, 1, 1, 15, 15),
        21: (106, 2, 2, 106, 106),
    },
)


@pytest.mark.parametrize('name', REAL_DATA)
def test_real_data_is_read_completely(name, mp100_mini, warnings_logged):
    dataset = MP100Dataset(
        ann_file=f'annotations/{name}.json', data_root=str(mp100_mini)
    )
    assert warnings_logged == []
    found = {}
    for category_id, indices in dataset.indices_by_category.items():
        infos = [dataset.get_data_info(i) for i in indices]
        (num_keypoints,) = {info['keypoints'].shape[1] for info in infos}
        labelled = [int(info['keypoints_visible'].sum()) for info in infos]
        found[category_id] = (
            num_keypoints,
            len({info['img_path'] for info in infos}),
            len(infos),
            min(labelled),
            max(labelled),
        )
    assert found == REAL_DATA[name]

    content = json.loads(Path(dataset.ann_file).read_text())
    for category in content['categories']:
        kept = dataset.categories[category['id']]
        assert kept.keypoint_names == tuple(category['keypoints'])
        assert [list(edge) for edge in kept.skeleton] == category['skeleton']
