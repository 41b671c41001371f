# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO files in the dialects of the tools that write them."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
from PIL import Image

from cape_mm.errors import DataError

NAMES = ['rim left', 'rim right', 'handle']


@pytest.fixture
def content():
    """One mug on one image, as COCO's own files are."""
    return dict(
        images=[dict(id=1, file_name='1.png', width=40, height=30)],
        annotations=[
            dict(
                id=5,
                image_id=1,
                category_id=3,
                bbox=[2, 3, 28, 22],
                area=616.0,
                iscrowd=0,
                num_keypoints=2,
                keypoints=[5, 6, 2, 20.5, 8, 1, 0, 0, 0],
            )
        ],
        categories=[
            dict(
                id=3,
                name='mug',
                supercategory='kitchen',
                keypoints=NAMES,
                skeleton=[[1, 2], [2, 3]],
            )
        ],
    )


@pytest.fixture
def coco(tmp_path, image, write):
    """Write a file beside its image."""

    def coco(content, name='export.json', folder='images'):
        for number, entry in enumerate(content['images']):
            image(tmp_path / folder / entry['file_name'], seed=number)
        return write(tmp_path / name, content)

    return coco


def test_a_file_of_coco_is_read_whole(content, coco, read, report):
    annotations = read(coco(content))
    category = annotations.categories[1]
    assert (category.name, category.supercategory) == ('mug', 'kitchen')
    assert category.keypoint_names == tuple(NAMES)
    assert category.skeleton == ((0, 1), (1, 2))
    (image,) = annotations.images
    assert (image.name, image.size) == ('1.png', (40, 30))
    (mug,) = image.instances
    assert mug.keypoints.tolist() == [[5, 6, 2], [20.5, 8, 1], [0, 0, 0]]
    assert mug.box.tolist() == [2, 3, 30, 25]
    assert dict(report.counts) == dict(skeleton_base=1)


@pytest.mark.parametrize(
    ('skeleton', 'base', 'expected', 'problem'),
    [
        ([[0, 1], [1, 2]], 'auto', ((0, 1), (1, 2)), None),
        ([[1, 2], [2, 3]], 'auto', ((0, 1), (1, 2)), 'skeleton_base'),
        ([[1, 2]], 'auto', (), 'unclear_skeleton'),
        ([[0, 1], [2, 3]], 'auto', (), 'unclear_skeleton'),
        ([[1, 2]], '0', ((1, 2),), None),
        ([[1, 2]], '1', ((0, 1),), 'skeleton_base'),
        ([[0, 1], [2, 3]], '0', ((0, 1),), 'bad_skeleton'),
        ([[0, 1], 'ab', [0, 0]], 'auto', ((0, 1),), 'bad_skeleton'),
        ([], 'auto', (), None),
    ],
)
def test_the_base_of_a_skeleton_is_proven_or_asked_for(
    content, coco, read, report, skeleton, base, expected, problem
):
    content['categories'][0]['skeleton'] = skeleton
    annotations = read(coco(content), skeleton_base=base)
    assert annotations.categories[1].skeleton == expected
    assert set(report.counts) == ({problem} if problem else set())


def test_cvat_has_tracks_and_no_own_boxes(content, coco, read, report):
    annotation = content['annotations'][0]
    annotation.update(
        bbox=[0.0, 0.0, 0.0, 0.0],
        area=0.0,
        segmentation=[],
        attributes=dict(occluded=False, track_id=4, keyframe=True),
    )
    path = coco(
        content,
        'annotations/person_keypoints_default.json',
        'images/default',
    )
    (image,) = read(path).images
    assert image.name == 'default/1.png'
    assert image.instances[0].track_id == 4
    np.testing.assert_allclose(
        image.instances[0].box, [3.45, 4.45, 22.05, 9.55]
    )
    assert report.counts['box_made'] == 1


def test_label_studio_swaps_sizes_and_names_uploads(
    content, coco, read, report, tmp_path, write
):
    pixels = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    pixels.save(tmp_path / 'mug.jpg', exif=exif)
    content['info'] = dict(contributor='Label Studio', version='1.0')
    content['images'][0]['file_name'] = 'images\\1a2b3c4d-mug.jpg'
    content['annotations'][0].update(area=None, bbox=None)
    (image,) = read(write(tmp_path / 'result.json', content)).images
    assert (image.name, image.size) == ('mug.jpg', (30, 40))
    assert image.instances[0].keypoints[0].tolist() == [5, 6, 2]
    assert 'exif' not in report.counts


def test_roboflow_has_a_category_for_its_project(content, coco, read, report):
    content['categories'].insert(
        0, dict(id=0, name='mugs-u4Xk', supercategory='none')
    )
    content['categories'][1]['skeleton'] = []
    annotations = read(coco(content, 'train/_annotations.coco.json', 'train'))
    assert [c.name for c in annotations.categories.values()] == ['mug']
    assert not report


def test_coco_annotator_has_null_areas_and_its_own_paths(
    content, coco, read, report
):
    content['annotations'][0].update(area=None, bbox=[], iscrowd=False)
    content['images'][0].update(path='/datasets/mugs/1.png', coco_url='')
    assert read(coco(content)).num_instances == 1
    assert report.counts['box_made'] == 1


def test_binary_flags_mean_visible(content, coco, read, report):
    content['annotations'][0]['keypoints'] = [5, 6, 1, 20, 8, 1, 0, 0, 0]
    (image,) = read(coco(content)).images
    assert image.instances[0].keypoints[:, 2].tolist() == [2, 2, 0]
    assert report.counts['binary_flags'] == 1


def test_scores_of_predictions_are_kept(content, coco, read, report):
    annotation = content['annotations'][0]
    annotation.update(score=0.5, keypoints=[5, 6, 0.9, 20, 8, 0.25, 0, 0, 0])
    (image,) = read(coco(content)).images
    (mug,) = image.instances
    assert mug.score == 0.5
    assert mug.keypoint_scores.tolist() == [0.9, 0.25, 0]
    assert mug.keypoints[:, 2].tolist() == [2, 2, 0]
    assert report.counts['flag_scores'] == 1


def test_another_order_of_keypoints_is_matched_by_name(
    content, coco, read, report
):
    other = copy.deepcopy(content)
    other['images'][0]['file_name'] = '2.png'
    other['categories'][0].update(
        id=8, keypoints=NAMES[::-1], skeleton=[[3, 2], [2, 1]]
    )
    other['annotations'][0].update(
        category_id=8, keypoints=[30, 9, 2, 21, 8, 1, 0, 0, 0]
    )
    second = dict(other['annotations'][0], id=6, keypoints=[9] * 9)
    other['annotations'].append(second)
    annotations = read(coco(content), coco(other, 'other.json'))
    assert len(annotations.categories) == 1
    assert annotations.categories[1].keypoint_names == tuple(NAMES)
    mug = annotations.images[1].instances[0]
    assert mug.keypoints.tolist() == [[0, 0, 0], [21, 8, 1], [30, 9, 2]]
    assert report.counts['reordered'] == 1


def test_two_categories_of_one_name_are_told_apart(content, coco, read):
    other = dict(content['categories'][0], id=9, keypoints=['face'])
    content['categories'].append(dict(other, skeleton=[]))
    content['annotations'].append(
        dict(
            content['annotations'][0],
            id=6,
            category_id=9,
            keypoints=[1, 2, 2],
        )
    )
    categories = read(coco(content)).categories.values()
    assert [(c.name, c.num_keypoints) for c in categories] == [
        ('mug 3', 3),
        ('mug 9', 1),
    ]


def test_other_keypoints_of_one_category_are_refused(content, coco, read):
    other = copy.deepcopy(content)
    other['categories'][0]['keypoints'] = ['rim left', 'rim right', 'foot']
    with pytest.raises(DataError, match="'foot'.*use one set of names"):
        read(coco(content), coco(other, 'other.json'))


def test_coordinates_before_the_exif_rotation_are_rotated(
    content, read, report, tmp_path, write
):
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[8:11, 19:22] = 255  # around x = 20, y = 9
    exif = Image.Exif()
    for orientation in (5, 6, 7, 8):
        name = f'{orientation}.png'
        exif[274] = orientation
        Image.fromarray(pixels).save(tmp_path / name, exif=exif)
        content['images'].append(
            dict(id=orientation, file_name=name, width=40, height=30)
        )
        content['annotations'].append(
            dict(
                content['annotations'][0],
                id=orientation,
                image_id=orientation,
                keypoints=[20, 9, 2, 20, 9, 2, 20, 9, 2],
                bbox=[19, 8, 3, 3],
            )
        )
    content['images'], content['annotations'] = (
        content[key][1:] for key in ('images', 'annotations')
    )
    annotations = read(write(tmp_path / 'export.json', content))
    assert report.counts['exif'] == len(annotations.images) == 4
    for image in annotations.images:
        displayed = cv2.imread(str(image.path))
        ys, xs = np.nonzero(displayed[..., 0])
        (mug,) = image.instances
        np.testing.assert_allclose(
            mug.keypoints[0, :2], [xs.mean(), ys.mean()]
        )
        expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        np.testing.assert_allclose(mug.box, expected)


def test_an_image_annotated_at_another_size_is_scaled(
    content, coco, read, report
):
    content['images'][0].update(width=80, height=60)
    content['annotations'][0]['keypoints'][:3] = [10, 12, 2]
    (image,) = read(coco(content)).images
    assert image.instances[0].keypoints[0].tolist() == [5, 6, 2]
    assert image.instances[0].box.tolist() == [1, 1.5, 15, 12.5]
    assert report.counts['rescaled'] == 1


def test_an_image_of_another_shape_is_left_out(content, coco, read, report):
    content['images'].append(dict(id=2, file_name='2.png'))
    content['annotations'].append(
        dict(content['annotations'][0], id=6, image_id=2)
    )
    content['images'][0].update(width=50, height=30)
    assert [i.name for i in read(coco(content)).images] == ['2.png']
    assert report.counts['wrong_size'] == 1


def test_what_is_not_usable_is_counted(content, coco, read, report):
    mug = content['annotations'][0]
    for changes in (
        dict(image_id=9),
        dict(category_id=9),
        dict(iscrowd=1),
        dict(keypoints=[]),
        dict(keypoints=[1, 2, 2]),
        dict(keypoints=[0] * 9),
        dict(keypoints=[1, 2, 2, float('nan'), 2, 2, 900, 2, 7]),
        dict(),
    ):
        content['annotations'].append({**mug, 'id': 100, **changes})
    content['images'].append(dict(content['images'][0]))
    annotations = read(coco(content))
    assert annotations.num_instances == 2
    assert annotations.images[0].instances[1].keypoints.tolist() == [
        [1, 2, 2],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert dict(report.counts) == dict(
        skeleton_base=1,
        duplicate_id=1,
        unknown_image=1,
        unknown_category=1,
        crowd=1,
        no_keypoints=1,
        keypoint_count=1,
        no_visible_keypoint=1,
        not_a_number=1,
        outside=1,
        bad_flag=1,
        duplicate_instance=1,
    )


@pytest.mark.parametrize(
    ('part', 'changes', 'message'),
    [
        ('images', dict(file_name=None), "entry 0 of 'images': file_name is"),
        ('images', dict(id=[1]), r'id is \[1\]'),
        ('annotations', dict(image_id=[[1]]), 'image_id is'),
        ('annotations', dict(keypoints='5 6 2'), "keypoints is '5 6 2'"),
        ('categories', dict(name=7), 'name is 7'),
        ('categories', dict(skeleton=dict(a=1)), "skeleton is {'a': 1}"),
    ],
)
def test_a_broken_entry_is_named(
    content, write, read, tmp_path, part, changes, message
):
    content[part][0].update(changes)
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / 'export.json', content))


def test_numbers_no_float_can_hold_are_no_numbers(content, coco, read, report):
    content['annotations'][0]['keypoints'][0] = 10**400
    content['annotations'][0]['keypoints'][3:5] = [1e300, 'x']
    content['annotations'].append(
        dict(
            content['annotations'][0],
            keypoints=[5, 6, 2, 1e300, 6, 2, 0, 0, 0],
        )
    )
    read(coco(content))
    assert report.counts['not_a_number'] == 2
    assert report.counts['outside'] == 1
    assert report.counts['no_visible_keypoint'] == 1


def test_half_an_image_is_found_where_images_are_decoded(
    content, coco, read, report, tmp_path
):
    content['images'] += [dict(id=2, file_name='2.jpg', width=40, height=30)]
    content['annotations'] += [dict(content['annotations'][0], image_id=2)]
    source, path = coco(content), tmp_path / 'images' / '2.jpg'
    path.write_bytes(path.read_bytes()[:-400])
    assert len(read(source).images) == 2 and not report.counts['unreadable']
    (image,) = read(source, decode=True).images
    assert image.name == '1.png' and report.counts['unreadable'] == 1
    assert '2.jpg' in report.examples['unreadable'][0]


def test_the_frame_of_an_image_turned_by_half_is_reported(
    content, coco, read, report, tmp_path
):
    content['images'][0]['file_name'] = '1.jpg'
    source, path = coco(content), tmp_path / 'images' / '1.jpg'
    exif = Image.Exif()
    exif[274] = 3
    Image.open(path).save(path, exif=exif)
    (image,) = read(source).images
    points = image.instances[0].keypoints[:2, :2].tolist()
    assert points == [[5, 6], [20.5, 8]]
    (note,) = report.examples['image']
    assert 'orientation is 3' in note and 'as displayed' in note
