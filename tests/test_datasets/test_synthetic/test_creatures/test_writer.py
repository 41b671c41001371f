# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.synthetic import write_creatures

SMALL = dict(train=(3, 2), val=(2, 2), test=(2, 2), image_size=64)
SPLITS = ('train', 'val', 'test')


def load(root, split):
    path = root / 'annotations' / f'mp100_split1_{split}.json'
    return json.loads(path.read_text())


def read_all(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'creatures'
    assert write_creatures(root, **SMALL)
    return root


def test_layout_and_fields_are_those_of_mp100(small):
    for split, (categories, instances) in list(SMALL.items())[:3]:
        content = load(small, split)
        assert len(content['categories']) == categories
        assert len(content['images']) == categories * instances
        assert len(content['annotations']) == categories * instances
        lengths = {
            category['id']: len(category['keypoints'])
            for category in content['categories']
        }
        images = {image['id']: image for image in content['images']}
        for ann in content['annotations']:
            points = np.array(ann['keypoints']).reshape(-1, 3)
            assert len(points) == lengths[ann['category_id']]
            assert ann['num_keypoints'] == (points[:, 2] > 0).sum()
            image = images[ann['image_id']]
            pixels = cv2.imread(str(small / 'images' / image['file_name']))
            assert pixels.shape[:2] == (image['height'], image['width'])


def test_categories_are_disjoint_and_ids_unique(small):
    contents = [load(small, split) for split in SPLITS]
    for part, total in (('categories', 7), ('images', 14)):
        ids = [item['id'] for content in contents for item in content[part]]
        assert sorted(ids) == list(range(1, total + 1))


def test_same_seed_same_files_other_seed_other_files(small, tmp_path):
    write_creatures(tmp_path / 'same', **SMALL)
    write_creatures(tmp_path / 'other', seed=1, **SMALL)
    assert read_all(tmp_path / 'same') == read_all(small)
    other = read_all(tmp_path / 'other')
    same = [
        name for name, data in read_all(small).items() if other[name] == data
    ]
    assert same == []


def test_more_categories_and_instances_leave_the_others_as_they_are(
    small, tmp_path
):
    sizes = dict(SMALL, train=(4, 3))
    write_creatures(tmp_path / 'more', **sizes)
    few, more = load(small, 'train'), load(tmp_path / 'more', 'train')
    assert more['categories'][:3] == few['categories']
    files = read_all(tmp_path / 'more')
    former = read_all(small)
    for image in few['images']:
        name = f'images/{image["file_name"]}'
        assert files[name] == former[name]
    # the ids of the other splits move, their content does not
    for split in ('val', 'test'):
        one, other = load(small, split), load(tmp_path / 'more', split)
        for ann, same in zip(one['annotations'], other['annotations']):
            assert ann['keypoints'] == same['keypoints']


def test_wrong_sizes_are_errors(tmp_path):
    for wrong in (dict(train=(0, 5)), dict(seed=-1), dict(image_size=8)):
        with pytest.raises(ValueError, match='must be'):
            write_creatures(tmp_path / 'x', **wrong)
    assert list(tmp_path.iterdir()) == []
