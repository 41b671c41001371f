# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import base64
import json

import pytest

from cape_mm.datasets.formats.annotation_tools.labelme import write_labelme
from cape_mm.errors import DataError


def point(label, x, y, group=None, **flags):
    return dict(
        label=label,
        points=[[x, y]],
        group_id=group,
        description='',
        shape_type='point',
        flags=flags,
    )


def rectangle(label, *corners, group=None):
    return dict(
        label=label,
        points=[list(corners[:2]), list(corners[2:])],
        group_id=group,
        shape_type='rectangle',
        flags={},
    )


@pytest.fixture
def labelme(tmp_path, image, write):
    """Write the file of an image."""

    def labelme(*shapes, stem='1', path='../images/1.png', **content):
        image(tmp_path / 'images' / f'{stem}.png')
        return write(
            tmp_path / 'json' / f'{stem}.json',
            dict(
                version='5.5.0',
                flags={},
                shapes=list(shapes),
                imagePath=path,
                imageData=None,
                imageHeight=30,
                imageWidth=40,
                **content,
            ),
        )

    return labelme


def test_points_of_one_object_need_no_group(labelme, read, report):
    path = labelme(point('rim', 5, 6), point('handle', 20, 8, hidden=True))
    annotations = read(path, category='mug')
    assert annotations.categories[1].keypoint_names == ('rim', 'handle')
    assert annotations.categories[1].name == 'mug'
    (image,) = annotations.images
    assert image.name == '1.png'
    assert image.instances[0].keypoints.tolist() == [[5, 6, 2], [20, 8, 1]]
    assert report.counts['box_made'] == 1


def test_a_hidden_keypoint_alone_stays_hidden(labelme, read, report):
    path = labelme(point('rim', 5, 6, hidden=True))
    assert read(path).images[0].instances[0].keypoints[0, 2] == 1
    assert 'binary_flags' not in report.counts


def test_groups_are_objects_and_rectangles_their_boxes(labelme, read, report):
    path = labelme(
        rectangle('mug', 30, 25, 2, 3, group=1),
        point('rim', 5, 6, group=1),
        rectangle('cup', 1, 1, 39, 29, group=2),
        point('rim', 35, 6, group=2),
        rectangle('plate', 1, 1, 39, 29, group=3),
        rectangle('plate', 1, 1, 9, 9, group=3),
    )
    annotations = read(path)
    names = [c.name for c in annotations.categories.values()]
    assert names == ['mug', 'cup']
    mug, cup = annotations.images[0].instances
    assert mug.box.tolist() == [2, 3, 30, 25]
    assert cup.keypoints.tolist() == [[35, 6, 2]]
    assert dict(report.counts) == dict(no_keypoints=1, ignored_shape=1)


def test_points_without_group_belong_to_the_smallest_box_around(
    labelme, read, report
):
    path = labelme(
        rectangle('mug', 1, 1, 20, 20),
        rectangle('mug', 1, 1, 39, 29),
        point('rim', 5, 6),
        point('rim', 30, 25),
        point('handle', 0, 29),
    )
    small, large = read(path).images[0].instances
    assert small.box.tolist() == [1, 1, 20, 20]
    assert small.keypoints.tolist() == [[5, 6, 2]]
    assert large.keypoints.tolist() == [[30, 25, 2]]
    assert report.counts['lone_keypoint'] == 1


def test_what_is_no_keypoint_is_counted(labelme, read, report):
    line = dict(label='l', points=[[1, 2], [3, 4]], shape_type='line')
    path = labelme(point('rim', 5, 6), point('rim', 7, 8), line)
    (mug,) = read(path).images[0].instances
    assert mug.keypoints.tolist() == [[5, 6, 2]]
    assert report.counts['duplicate_keypoint'] == 1
    assert report.counts['ignored_shape'] == 1


def test_a_folder_is_one_dataset(labelme, read, report, tmp_path, write):
    labelme(point('rim', 5, 6))
    labelme(point('handle', 20, 8), stem='2', path='C:\\photos\\images\\2.png')
    write(tmp_path / 'json' / 'notes.json', dict(text='mine'))
    annotations = read(tmp_path)
    assert [image.name for image in annotations.images] == ['1.png', '2.png']
    assert annotations.categories[1].keypoint_names == ('rim', 'handle')
    (mug,) = annotations.images[1].instances
    assert mug.keypoints.tolist() == [[0, 0, 0], [20, 8, 2]]
    assert report.counts['ignored_file'] == 1


def test_an_image_in_the_file_is_taken_where_there_is_none(
    labelme, read, tmp_path
):
    path = labelme(point('rim', 5, 6))
    stored = tmp_path / 'images' / '1.png'
    data = base64.b64encode(stored.read_bytes()).decode()
    path = labelme(point('rim', 5, 6), path='gone.png')
    path.write_text(path.read_text().replace('null', f'"{data}"', 1))
    text = path.read_text().replace(
        '"imageData": null', f'"imageData": "{data}"'
    )
    path.write_text(text)
    (image,) = read(path).images
    assert image.size == (40, 30)
    assert image.read_pixels().shape == (30, 40, 3)


@pytest.mark.parametrize(
    'shape',
    [
        'point',
        dict(label='a'),
        dict(label='a', points=[[1, 2, 3]], shape_type='point'),
        dict(label='a', points=5, shape_type='point'),
        dict(label='a', points=[[1, 2]], group_id=[1], shape_type='point'),
        dict(label='a', points=[[1, 2]], flags=[1], shape_type='point'),
    ],
)
def test_a_broken_shape_is_named(labelme, read, shape):
    with pytest.raises(DataError, match=r'1\.json: shape 0 has not the form'):
        read(labelme(shape))


def test_written_files_are_read_again(mugs, tmp_path, read, assert_same):
    # the order of keypoints is that in which they occur
    for entry in mugs.images:
        entry.instances[0].keypoints[2] = [7, 8, 2]
        entry.name = entry.name.split('/')[1]
    write_labelme(mugs, tmp_path / 'out')
    assert_same(read(tmp_path / 'out'), mugs)


def test_written_files_have_the_fields_of_labelme(predicted, tmp_path):
    write_labelme(predicted, tmp_path)
    content = json.loads((tmp_path / 'shelf' / '3.json').read_text())
    assert {*content} == {
        *('version', 'flags', 'shapes', 'imagePath', 'imageData'),
        *('imageHeight', 'imageWidth'),
    }
    assert (tmp_path / 'shelf' / content['imagePath']).is_file()
    boxes = [s for s in content['shapes'] if s['shape_type'] == 'rectangle']
    assert [box['points'] for box in boxes] == [
        [[2, 3], [30, 25]],
        [[20, 20], [40, 30]],
    ]
    rims = [s for s in content['shapes'] if s['label'] == 'rim right']
    assert [shape['points'] for shape in rims] == [[[20, 11]], [[30, 27.5]]]
    assert [shape['group_id'] for shape in rims] == [0, 1]
    assert [shape['score'] for shape in rims] == [0.3, 0.25]
    labels = (tmp_path / 'labels.txt').read_text().splitlines()
    assert labels == ['mug', 'rim left', 'rim right', 'handle']
