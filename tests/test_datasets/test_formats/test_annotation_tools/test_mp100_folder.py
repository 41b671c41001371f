# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os

import numpy as np
import pytest

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_tools import (
    AnnotatedInstance,
    extent_of,
    to_coco,
    write_mp100_folder,
)
from cape_mm.datasets.formats.mp100.annotation_file import Category
from cape_mm.datasets.formats.mp100.copy_check import check_copy
from cape_mm.errors import DataError


def load(out, part):
    return json.loads((out / 'annotations' / f'{part}.json').read_text())


def names(out, part):
    return [image['file_name'] for image in load(out, part)['images']]


def test_the_folder_loads_and_passes_the_check(mugs, tmp_path):
    out = tmp_path / 'out'
    summaries = write_mp100_folder(mugs, out)
    assert [line.split(': ')[1] for line in summaries] == [
        '8 images, 8 instances, 1 categories',
        '2 images, 2 instances, 1 categories',
    ]
    dataset = MP100Dataset('annotations/train.json', str(out))
    info = dataset[0]
    assert info['keypoint_names'] == list(mugs.categories[7].keypoint_names)
    assert info['skeleton'] == [[0, 1], [1, 2]]
    assert info['keypoints_visible'].tolist() == [[1, 1, 0]]
    np.testing.assert_allclose(info['keypoints'][0, 0], [5.25, 6])
    np.testing.assert_allclose(info['bbox'], [[2, 3, 29, 24]])
    report = check_copy(out / 'annotations', out / 'images')
    assert not report['bad_images']
    assert [file['problems'] for file in report['files']] == [{}, {}]


def test_the_split_is_by_image_and_follows_the_seed(mugs, tmp_path):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        write_mp100_folder(mugs, tmp_path / name, seed=seed)
    train, val = (names(tmp_path / 'a', part) for part in ('train', 'val'))
    assert sorted(train + val) == [f'shelf/{n}.png' for n in range(10)]
    assert names(tmp_path / 'b', 'val') == val
    assert names(tmp_path / 'c', 'val') != val


def test_equal_images_are_in_one_part(mugs, tmp_path, image):
    for entry in mugs.images[1:]:
        image(entry.path, seed=0)
    write_mp100_folder(mugs, tmp_path / 'out', val_share=0.5)
    assert len(names(tmp_path / 'out', 'train')) == 10
    assert not (tmp_path / 'out' / 'annotations' / 'val.json').exists()


def test_each_category_is_validated(mugs, tmp_path):
    mugs.categories[8] = Category(8, 'cup', '', ('a',), (), 1)
    for entry in mugs.images[:2]:
        cup = AnnotatedInstance(8, np.array([[1.0, 2, 2]]))
        entry.instances.append(cup)
    write_mp100_folder(mugs, tmp_path, val_share=0.1)
    content = load(tmp_path, 'val')
    assert [a['category_id'] for a in content['annotations']].count(8) == 1


def test_without_share_there_is_no_validation_file(mugs, tmp_path):
    assert len(write_mp100_folder(mugs, tmp_path, val_share=0)) == 1
    assert len(names(tmp_path, 'train')) == 10


@pytest.mark.parametrize('link', [True, False])
def test_images_are_linked_or_copied(mugs, tmp_path, link):
    write_mp100_folder(mugs, tmp_path / 'out', link=link)
    image = tmp_path / 'out' / 'images' / 'shelf' / '0.png'
    assert image.samefile(mugs.images[0].path) is link
    assert not image.is_symlink()  # it would lead out of the folder
    assert image.read_bytes() == mugs.images[0].path.read_bytes()


def test_a_frame_of_a_video_becomes_png(mugs, tmp_path):
    frame = np.full((30, 40, 3), 7, np.uint8)
    mugs.images[0].read_pixels = lambda: frame
    write_mp100_folder(mugs, tmp_path / 'out')
    assert not (tmp_path / 'out/images/shelf/0.png').is_symlink()
    assert len(MP100Dataset('annotations/train.json', str(tmp_path / 'out')))


def test_nothing_is_overwritten(mugs, tmp_path, image):
    other = image(tmp_path / 'out/images/shelf/0.png', seed=99)
    with pytest.raises(FileExistsError, match='another image'):
        write_mp100_folder(mugs, tmp_path / 'out')
    other.unlink()
    other.symlink_to(tmp_path / 'elsewhere.png')
    with pytest.raises(FileExistsError, match='another image'):
        write_mp100_folder(mugs, tmp_path / 'out')
    assert not (tmp_path / 'elsewhere.png').exists()
    other.unlink()
    write_mp100_folder(mugs, tmp_path / 'out')
    with pytest.raises(FileExistsError, match=r'train\.json is there'):
        write_mp100_folder(mugs, tmp_path / 'out')


def test_there_must_be_something_to_write(mugs, tmp_path):
    with pytest.raises(DataError, match='share is 1'):
        write_mp100_folder(mugs, tmp_path, val_share=1)
    for entry in mugs.images:
        entry.instances = []
    with pytest.raises(DataError, match='no usable instance'):
        write_mp100_folder(mugs, tmp_path)


def test_scores_and_tracks_are_kept(mugs):
    mug = mugs.images[0].instances[0]
    mug.score, mug.track_id = 0.5, 3
    mug.keypoint_scores = np.array([0.25, 1, 0])
    entry = to_coco(mugs)['annotations'][0]
    assert (entry['score'], entry['track_id']) == (0.5, 3)
    assert entry['keypoint_scores'] == [0.25, 1, 0]
    assert entry['keypoints'] == [5.25, 6, 2, 20, 8, 1, 0, 0, 0]
    assert entry['num_keypoints'] == 2


def test_the_extent_has_a_rim_and_stays_in_the_image():
    keypoints = np.array([[2.0, 10, 2], [22, 15, 1], [99, 99, 0]])
    box = extent_of(keypoints, (40, 30))
    np.testing.assert_allclose(box, [0, 8, 24, 17])
    box = extent_of(keypoints[:1], (40, 30))
    np.testing.assert_allclose(box, [0, 0, 40, 30])


def test_images_are_copied_where_the_system_has_no_links(
    mugs, tmp_path, monkeypatch
):
    def refuse(source, target):
        raise OSError('a required privilege is not held by the client')

    monkeypatch.setattr(os, 'link', refuse)
    write_mp100_folder(mugs, tmp_path / 'out')
    path = tmp_path / 'out' / 'images' / mugs.images[0].name
    assert path.read_bytes() == mugs.images[0].path.read_bytes()
    assert not path.samefile(mugs.images[0].path)
