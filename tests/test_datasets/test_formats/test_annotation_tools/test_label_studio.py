# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cape_mm.errors import DataError


def keypoint(key, label, x, y, **more):
    """Coordinates in percent."""
    return dict(
        original_width=40,
        original_height=30,
        image_rotation=0,
        value=dict(x=x, y=y, width=0.5, keypointlabels=[label]),
        id=key,
        from_name='kp',
        to_name='image',
        type='keypointlabels',
        **more,
    )


def rectangle(key, label, x, y, width, height, rotation=0):
    value = dict(
        x=x,
        y=y,
        width=width,
        height=height,
        rotation=rotation,
        rectanglelabels=[label],
    )
    return dict(value=value, id=key, type='rectanglelabels', to_name='image')


def relation(source, target):
    return dict(
        type='relation', from_id=source, to_id=target, direction='right'
    )


def task(*results, image='/data/upload/3/1a2b3c4d-mug.png', **annotation):
    return dict(
        id=1,
        data=dict(image=image),
        annotations=[dict(id=7, result=list(results), **annotation)],
        predictions=[],
    )


@pytest.fixture
def label_studio(tmp_path, image, write):
    """Write an export beside `images/mug.png`."""
    image(tmp_path / 'images' / 'mug.png')
    return lambda *tasks: write(tmp_path / 'project-3.json', list(tasks))


def test_percent_become_pixels(label_studio, read, report):
    results = keypoint('a', 'rim', 25, 50), keypoint('b', 'handle', 50, 100)
    annotations = read(label_studio(task(*results)), category='mug')
    assert annotations.categories[1].name == 'mug'
    assert annotations.categories[1].keypoint_names == ('rim', 'handle')
    (image,) = annotations.images
    assert image.name == 'mug.png'
    assert image.instances[0].keypoints.tolist() == [[10, 15, 2], [20, 30, 2]]
    assert dict(report.counts) == dict(box_made=1)


@pytest.mark.parametrize(
    'form',
    [
        'mug.png',
        '/data/local-files/?d=photos/mug.png',
        's3://bucket/photos/mug.png',
        'https://example.org/a/mug.png?X-Amz-Signature=0',
        '/data/upload/3/0a1b2c3d-mug.png',
        'C:\\photos\\mug.png',
    ],
)
def test_all_forms_of_image_paths_are_understood(label_studio, read, form):
    result = keypoint('a', 'rim', 25, 50)
    (found,) = read(label_studio(task(result, image=form))).images
    assert found.name == 'mug.png'


@pytest.mark.parametrize('way', ['child', 'from', 'to', 'inside'])
def test_keypoints_belong_to_rectangles(label_studio, read, report, way):
    more = dict(parentID='box') if way == 'child' else {}
    x = 15 if way == 'inside' else 95
    results = [
        rectangle('box', 'mug', 10, 10, 50, 60),
        rectangle('other', 'plate', 70, 70, 20, 20),
        keypoint('a', 'rim', x, 50, **more),
    ]
    if way == 'from':
        results.append(relation('a', 'box'))
    if way == 'to':
        results.append(relation('box', 'a'))
    annotations = read(label_studio(task(*results)))
    assert annotations.categories[1].name == 'mug'
    (mug,) = annotations.images[0].instances
    np.testing.assert_allclose(mug.box, [4, 3, 24, 21])
    expected = dict(no_keypoints=1)  # the other rectangle
    if way != 'inside':
        expected['outside_box'] = 1
    assert dict(report.counts) == expected


def test_a_turned_rectangle_becomes_the_box_around_it(label_studio, read):
    turned = rectangle('box', 'mug', 50, 10, 50, 40, rotation=90)
    results = turned, keypoint('a', 'rim', 40, 30)
    (mug,) = read(label_studio(task(*results))).images[0].instances
    np.testing.assert_allclose(mug.box, [8, 3, 20, 23])


def test_a_choice_marks_hidden_keypoints(label_studio, read):
    choice = dict(id='a', type='choices', value=dict(choices=['Occluded']))
    results = keypoint('a', 'rim', 25, 50), keypoint('b', 'foot', 5, 5), choice
    (mug,) = read(label_studio(task(*results))).images[0].instances
    assert mug.keypoints[:, 2].tolist() == [1, 2]


def test_coordinates_are_those_of_the_displayed_image(
    label_studio, read, tmp_path
):
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[14:17, 9:12] = 255
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / 'images' / 'turned.png'
    Image.fromarray(pixels).save(path, exif=exif)
    # as displayed: 30 x 40, the spot at (14, 10)
    result = keypoint('a', 'rim', 100 * 14 / 30, 25)
    tasks = task(result, image='turned.png')
    (image,) = read(label_studio(tasks)).images
    assert image.size == (30, 40)
    np.testing.assert_allclose(image.instances[0].keypoints, [[14, 10, 2]])


def test_the_ground_truth_of_several_annotations_is_taken(
    label_studio, read, report
):
    tasks = task(keypoint('a', 'rim', 25, 50))
    truth = dict(ground_truth=True, result=[keypoint('a', 'rim', 50, 50)])
    tasks['annotations'].append(truth)
    (mug,) = read(label_studio(tasks)).images[0].instances
    assert mug.keypoints.tolist() == [[20, 15, 2]]
    assert report.counts['second_annotation'] == 1


def test_what_does_not_count_is_reported(label_studio, read, report):
    good = task(keypoint('a', 'rim', 25, 50), dict(type='brushlabels'))
    skipped = task(keypoint('a', 'rim', 25, 50), was_cancelled=True)
    assert read(label_studio(good, skipped, task())).num_instances == 1
    assert report.counts['cancelled'] == 2
    assert report.counts['ignored_shape'] == 1


def test_the_short_export_is_read(label_studio, read):
    value = dict(
        x=25,
        y=50,
        width=0.5,
        keypointlabels=['rim'],
        original_width=40,
        original_height=30,
    )
    entry = dict(
        image='/data/upload/3/1a2b3c4d-mug.png',
        id=1,
        kp=[value],
        annotator=1,
        annotation_id=7,
    )
    (mug,) = read(label_studio(entry)).images[0].instances
    assert mug.keypoints.tolist() == [[10, 15, 2]]


@pytest.mark.parametrize(
    'broken',
    [
        task('text'),
        task(dict(type='keypointlabels', id='a')),
        task(dict(type='relation')),
        dict(task(keypoint('a', 'rim', 25, 50)), data=[1]),
        dict(task(keypoint('a', 'rim', 25, 50)), data={}),
        dict(task(), annotations='text'),
    ],
)
def test_a_broken_task_is_named(label_studio, read, broken):
    with pytest.raises(DataError, match='task 1'):
        read(label_studio(broken))
