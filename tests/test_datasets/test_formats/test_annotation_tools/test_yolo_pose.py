# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools.yolo_pose import (
    write_yolo_pose,
)
from cape_mm.errors import DataError

YAML = """
path: ../datasets/mugs
train: ../train/images
val: ../valid/images
kpt_shape: [3, 3]
flip_idx: [1, 0, 2]
names:
  0: mug
"""
LINE = '0 0.5 0.5 0.5 0.4 0.25 0.5 2 0.75 0.5 1 0 0 0\n'


@pytest.fixture
def yolo(tmp_path, image, write):
    """Write a dataset of one image in the folder `train`."""

    def yolo(line=LINE, text=YAML):
        image(tmp_path / 'train' / 'images' / '1.png')
        write(tmp_path / 'train' / 'labels' / '1.txt', line)
        return write(tmp_path / 'data.yaml', text)

    return yolo


def test_labels_of_three_numbers_a_keypoint(yolo, read, report):
    annotations = read(yolo())
    category = annotations.categories[1]
    assert category.name == 'mug'
    assert category.flip_pairs == ((0, 1),)
    assert category.keypoint_names == tuple(
        f'keypoint_{index}' for index in range(3)
    )
    (image,) = annotations.images
    assert image.name == 'train/images/1.png'
    (mug,) = image.instances
    assert mug.keypoints.tolist() == [[10, 15, 2], [30, 15, 1], [0, 0, 0]]
    np.testing.assert_allclose(mug.box, [10, 9, 30, 21])
    assert not report


def test_byte_order_mark_and_places_without_label_are_skipped(yolo, read):
    sound = read(yolo())
    text = '\ufeff' + LINE.replace('0 0 0\n', 'nan 1e300 0\n')
    found = read(yolo(text, '\ufeff' + YAML.lstrip()))
    for one, other in zip(sound.images, found.images):
        for a, b in zip(one.instances, other.instances):
            np.testing.assert_array_equal(a.keypoints, b.keypoints)
    assert len(found.images) == 1


def test_labels_of_two_numbers_a_keypoint(yolo, read):
    text = YAML.replace('[3, 3]', '[3, 2]') + 'kpt_names: {0: [a, b, c]}\n'
    path = yolo('0 0.5 0.5 0.5 0.4 0.25 0.5 -1 0.5 0 0', text)
    annotations = read(path)
    assert annotations.categories[1].keypoint_names == ('a', 'b', 'c')
    (mug,) = annotations.images[0].instances
    assert mug.keypoints.tolist() == [[10, 15, 2], [0, 0, 0], [0, 0, 0]]


def test_a_folder_is_enough_and_labels_may_lie_beside(
    tmp_path, image, write, read
):
    for number in range(2):
        image(tmp_path / f'{number}.png', seed=number)
    write(tmp_path / '0.txt', LINE)
    write(tmp_path / 'data.yaml', YAML)
    assert [image.name for image in read(tmp_path).images] == ['0.png']


def test_what_is_not_usable_is_counted(yolo, read, report, tmp_path, write):
    write(tmp_path / 'train' / 'labels' / '2.txt', LINE)
    lines = LINE, '\n', '7' + LINE[1:], '0 0.5 0.5 0.5 0.4\n', LINE[:-4]
    assert read(yolo(''.join(lines))).num_instances == 1
    assert dict(report.counts) == dict(
        unknown_category=1,
        no_keypoints=1,
        keypoint_count=1,
        missing_image=1,
    )


@pytest.mark.parametrize(
    'text',
    [
        YAML.replace('[3, 3]', '[3, 4]'),
        YAML.replace('[3, 3]', '3'),
        YAML.replace('  0: mug', '  mug'),
    ],
)
def test_a_broken_description_is_named(yolo, read, text):
    with pytest.raises(DataError, match=r'data\.yaml: kpt_shape is'):
        read(yolo(text=text))


def test_yaml_runs_nothing(tmp_path, write, read):
    text = '!!python/object/apply:print [1]'
    with pytest.raises(DataError, match='no valid YAML'):
        read(write(tmp_path / 'data.yaml', text))


def test_written_datasets_are_read_again(mugs, tmp_path, read, assert_same):
    (line,) = write_yolo_pose(mugs, tmp_path / 'out')
    assert line.endswith('images: 8 train, 2 val')
    found = read(tmp_path / 'out')
    for entry in found.images:
        part, _, entry.name = entry.name.split('/', 2)
        assert part in ('train', 'val')
    assert_same(found, mugs)
    assert found.categories[1].skeleton == ((0, 1), (1, 2))


def test_written_datasets_are_those_of_sleap_io(mugs, tmp_path):
    sleap_io = pytest.importorskip('sleap_io')
    for entry in mugs.images:  # it finds none in subfolders
        entry.name = entry.name.split('/')[1]
    write_yolo_pose(mugs, tmp_path)
    skeleton = sleap_io.Skeleton(['a', 'b', 'c'])
    found = {}
    for part, count in (('train', 8), ('val', 2)):
        labels = sleap_io.load_ultralytics(str(tmp_path), part, skeleton)
        assert len(labels) == count
        for frame in labels:
            name = frame.video.filename
            name = name if isinstance(name, str) else name[frame.frame_idx]
            found[Path(name).name] = frame.instances[0].numpy()
    np.testing.assert_allclose(
        found['3.png'], [[5.25, 6], [20, 11], [np.nan, np.nan]], atol=1e-4
    )


def test_one_number_of_keypoints_is_written(mugs, tmp_path):
    mugs.categories[8] = replace(mugs.categories[7], id=8, num_keypoints=4)
    with pytest.raises(DataError, match=r'not \[3, 4\]: choose a category'):
        write_yolo_pose(mugs, tmp_path)


def test_references_that_multiply_the_content_are_refused(yolo, read):
    lines = ['l0: &l0 [x, x, x, x, x, x, x, x, x, x]']
    for level in range(1, 9):
        parts = ', '.join([f'*l{level - 1}'] * 10)
        lines.append(f'l{level}: &l{level} [{parts}]')
    text = '\n'.join([*lines, YAML.replace('0: mug', '0: *l8')])
    with pytest.raises(DataError, match='multiplies its content'):
        read(yolo(text=text))
    with pytest.raises(DataError, match='multiplies its content'):
        read(yolo(text=YAML + 'itself: &i [*i]\n'))


def test_references_to_a_list_are_read(yolo, read):
    text = YAML + 'node_names: &n [a, b, c]\nkpt_names: {0: *n}\n'
    (category,) = read(yolo(text=text)).categories.values()
    assert category.keypoint_names == ('a', 'b', 'c')
