# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.synthetic import draw_video, write_stick_figures
from cape_mm.registry import DATASETS

SMALL = dict(train=(3, 4), val=(2, 5), image_size=64)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'stick_figures'
    assert write_stick_figures(root, **SMALL)
    return root


def read_all(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


def load(root, split):
    folder = root / 'annotations' / split
    return {
        path.stem: json.loads(path.read_text())
        for path in sorted(folder.iterdir())
    }


def test_layout_and_fields_are_those_of_posetrack18(small, posetrack_mini):
    path = next((posetrack_mini / 'annotations/val_fixture').iterdir())
    real = json.loads(path.read_text())
    for split, (videos, frames) in list(SMALL.items())[:2]:
        contents = load(small, split)
        assert len(contents) == videos
        for name, content in contents.items():
            assert len(content['images']) == frames
            category, theirs = content['categories'][0], real['categories'][0]
            assert category['keypoints'] == theirs['keypoints']
            for image in content['images']:
                assert real['images'][0].keys() - {'mask_file'} <= image.keys()
                assert image['file_name'].split('/')[2] == name
                pixels = cv2.imread(str(small / image['file_name']))
                assert pixels.shape == (64, 64, 3)
            for annotation in content['annotations']:
                assert real['annotations'][0].keys() <= annotation.keys()


def test_annotations_are_sound(small):
    count = 0
    for split in ('train', 'val'):
        for content in load(small, split).values():
            found = set()
            for annotation in content['annotations']:
                points = np.reshape(annotation['keypoints'], (17, 3))
                labelled = points[:, 2] > 0
                assert annotation['num_keypoints'] == labelled.sum() >= 3
                assert not points[~labelled].any()
                assert not labelled[[3, 4]].any()
                assert (points[labelled, :2] > -0.51).all()
                assert (points[labelled, :2] < 63.51).all()
                assert min(annotation['bbox_head'][2:]) > 2
                key = annotation['image_id'], annotation['track_id']
                assert key not in found
                found.add(key)
                count += 1
    assert count > 10


def test_is_readable_by_the_dataset_without_complaint(small, monkeypatch):
    from cape_mm.datasets.datasets import clip_dataset

    texts = []
    monkeypatch.setattr(
        clip_dataset,
        'print_log',
        lambda text, logger=None, level=20: texts.append((level, text)),
    )
    dataset = DATASETS.build(
        dict(
            type='cape_mm.PoseTrackClipDataset',
            data_root=str(small),
            ann_file='annotations/train',
        )
    )
    assert len(dataset) == 12
    assert [level for level, _ in texts] == [20]


def test_identities_are_those_of_the_persons(small):
    frames = draw_video(0, 1, 'train', 4, 64)
    content = load(small, 'train')['000001_stick_train']
    expected = [
        (moment, person.number)
        for moment, frame in enumerate(frames)
        for person in frame.persons
    ]
    found = [
        (annotation['image_id'] % 10000, annotation['track_id'])
        for annotation in content['annotations']
    ]
    assert found == expected


def test_same_seed_same_files_other_seed_other_files(small, tmp_path):
    write_stick_figures(tmp_path / 'same', **SMALL)
    write_stick_figures(tmp_path / 'other', seed=1, **SMALL)
    assert read_all(tmp_path / 'same') == read_all(small)
    other = read_all(tmp_path / 'other')
    assert all(other[n] != data for n, data in read_all(small).items())


def test_more_videos_leave_the_others_as_they_are(small, tmp_path):
    write_stick_figures(tmp_path / 'more', **dict(SMALL, train=(5, 4)))
    more = read_all(tmp_path / 'more')
    for name, data in read_all(small).items():
        if name != 'stick_figures.json':
            assert more[name] == data


def test_splits_and_videos_differ():
    images = [
        draw_video(0, number, split, 1, 64)[0].image
        for split in ('train', 'val')
        for number in range(3)
    ]
    for a in range(6):
        for b in range(a):
            assert not np.array_equal(images[a], images[b])


def test_wrong_sizes_are_errors(tmp_path):
    for wrong in (dict(train=(0, 5)), dict(seed=-1), dict(image_size=8)):
        with pytest.raises(ValueError, match='must be'):
            write_stick_figures(tmp_path / 'x', **wrong)
    assert list(tmp_path.iterdir()) == []
