# Copyright (c) cape_mm contributors. All rights reserved.
"""Values that looked right and were wrong, each by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip('hypothesis')

from support.annotation_documents import (  # noqa: E402
    annolist_document,
    cephalometric_document,
    mp100_document,
    posetrack_document,
    request_document,
)
from support.annotation_readers import (  # noqa: E402
    all_readers,
    write_images,
)

from cape_mm.datasets.formats.posetrack.video_json import (  # noqa: E402
    read_polygon,
)
from cape_mm.errors import DataError  # noqa: E402

NAN = float('nan')


@pytest.fixture
def read(tmp_path):
    write_images(tmp_path)
    readers = all_readers()

    def run(name, content, encoding='utf-8'):
        path = tmp_path / 'annotations.json'
        path.write_text(json.dumps(content), encoding)
        return readers[name].read(path)

    return run


def test_category_id_that_no_annotation_uses_is_an_error(read):
    content = posetrack_document()
    content['categories'][0]['id'] = 7
    with pytest.raises(DataError, match='no annotation has the category_id 7'):
        read('posetrack18', content)


def test_annotations_of_other_categories_are_counted(read):
    content = posetrack_document()
    content['annotations'][0]['category_id'] = 2
    found = read('posetrack18', content)
    assert found.reported['other_category'] == 1
    assert len(found.records) == 5


def test_point_without_id_is_an_error(read):
    content = annolist_document()
    del content['annolist'][0]['annorect'][0]['annopoints'][0]['point'][0][
        'id'
    ]
    with pytest.raises(DataError, match='entry 0 .* point without id'):
        read('posetrack17', content)


def test_repeated_point_is_counted_and_the_first_kept(read):
    content = annolist_document()
    sound = read('posetrack17', content).records
    person = content['annolist'][0]['annorect'][0]
    person['annopoints'][0]['point'].append(
        dict(id=[0], x=[99], y=[99], is_visible=[1])
    )
    found = read('posetrack17', content)
    assert found.records == sound
    assert found.reported['repeated_keypoint'] == 1


@pytest.mark.parametrize('name', ['posetrack18', 'coco_images'])
def test_repeated_image_id_is_an_error(read, name):
    content = posetrack_document()
    content['images'][1]['id'] = content['images'][0]['id']
    with pytest.raises(DataError, match='image id.* twice'):
        read(name, content)


def test_equal_track_ids_in_a_frame_are_counted(read):
    content = posetrack_document()
    content['annotations'][1]['track_id'] = 0
    assert read('posetrack18', content).reported['repeated_track_id'] == 1


@pytest.mark.parametrize('value', ['0', 'person', 0.5, NAN, 2**63, [0], True])
def test_track_id_that_is_no_whole_number_is_an_error(read, value):
    content = posetrack_document()
    content['annotations'][0]['track_id'] = value
    with pytest.raises(DataError, match='annotation 10: track_id is'):
        read('posetrack18', content)


@pytest.mark.parametrize('value', [None, NAN])
@pytest.mark.parametrize(
    'name, document',
    [
        ('posetrack18', posetrack_document),
        ('coco_images', posetrack_document),
        ('mp100', mp100_document),
        ('cephalometric', cephalometric_document),
    ],
)
def test_coordinates_of_unlabelled_keypoints_are_ignored(
    read, name, document, value
):
    content = document()
    for annotation in content['annotations']:
        annotation['keypoints'][-3:] = [0, 0, 0]
    sound = read(name, content).records
    for annotation in content['annotations']:
        annotation['keypoints'][-3:] = [value, value, 0]
    found = read(name, content).records
    assert found == sound
    assert np.isfinite(np.ravel(found[10][-3])).all()


@pytest.mark.parametrize('value', [None, NAN, 1e300])
def test_coordinates_of_unlabelled_keypoints_in_requests_and_tools(
    read, value
):
    content = request_document()
    content['supports'][0]['keypoints'][1] = [value, value, 0]
    points = read('request', content).records['supports', 0][1]
    assert points == [[1, 2, 1], [0, 0, 0]]
    content = mp100_document()
    sound = read('coco', content).records
    for annotation in content['annotations']:
        annotation['keypoints'][-3:] = [value, value, 0]
    assert read('coco', content).records == sound


@pytest.mark.parametrize(
    'name, document',
    [
        ('posetrack18', posetrack_document),
        ('coco_images', posetrack_document),
        ('mp100', mp100_document),
        ('coco', mp100_document),
        ('cephalometric', cephalometric_document),
    ],
)
def test_area_may_be_null_and_iscrowd_is_no_text(read, name, document):
    content = document()
    count = len(read(name, content).records)
    content['annotations'][0]['area'] = None
    assert len(read(name, content).records) == count
    content['annotations'][0]['iscrowd'] = '0'
    with pytest.raises(DataError, match="iscrowd is '0'"):
        read(name, content)


@pytest.mark.parametrize('part', ['images', 'annotations', 'categories'])
@pytest.mark.parametrize('name', ['mp100', 'coco'])
def test_true_is_no_id(read, name, part):
    content = mp100_document()
    content[part][0]['id'] = True
    if name == 'coco' and part == 'annotations':  # not needed there
        assert len(read(name, content).records) == 3
        return
    with pytest.raises(DataError, match=r"entry 0 of '\w+': id is True"):
        read(name, content)


def test_tracks_that_occur_twice_on_an_image_are_counted(read):
    content = mp100_document()
    for annotation in content['annotations']:
        annotation.update(category_id=1, track_id=annotation['id'] % 2)
    assert not read('coco', content).reported['repeated_track_id']
    content['annotations'][1]['track_id'] = 0
    assert read('coco', content).reported['repeated_track_id'] == 1


def test_labelled_frames_without_persons_are_counted(read):
    content = posetrack_document()
    content['annotations'] = content['annotations'][:2]
    assert read('posetrack18', content).reported['empty_frame'] == 2
    del content['images'][1]['is_labeled']  # as good as unlabelled
    assert read('posetrack18', content).reported['empty_frame'] == 1
    content['annotations'] = []
    assert read('posetrack18', content).reported['empty_frame'] == 2


@pytest.mark.parametrize('name', all_readers())
def test_byte_order_mark_is_skipped(read, name):
    content = all_readers()[name].document
    assert read(name, content, 'utf-8-sig') == read(name, content)


def test_edges_of_ignore_regions_that_lead_far_away_keep_their_slope():
    far = read_polygon([0, 1e9, 1e9], [0, 0, 5e8], 'region')
    assert far.tolist() == [[0, 0], [1e5, 0], [1e5, 5e4]]
    near = [[0, 7.5, 3], [1, 2, 30]]
    assert read_polygon(*near, 'region').T.tolist() == near
    assert len(read_polygon([1e9, 2e9, 1e9], [0, 0, 5], 'region')) == 0


@pytest.mark.parametrize('value', [1e9, -1e9, 1e300])
def test_far_corners_of_ignore_regions_are_clipped(read, value):
    content = posetrack_document()
    content['images'][0].update(
        ignore_regions_x=[[0, value, 5]], ignore_regions_y=[[0, value, 5]]
    )
    assert len(read('posetrack18', content).records) == 6


def test_json_that_is_nested_too_deeply_is_an_error(read, tmp_path):
    path = tmp_path / 'deep.json'
    path.write_text('[' * 100_000)
    for reader in all_readers().values():
        with pytest.raises(DataError, match=r'deep\.json'):
            reader.read(path)
