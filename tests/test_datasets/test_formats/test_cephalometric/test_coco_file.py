# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    load_coco,
    write_coco,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

SCHEMA = get_schema('isbi2015')
COUNT = len(SCHEMA)


def make_record(number=0, **changes):
    rng = np.random.default_rng(number)
    fields = dict(
        image_path=f'a/{number}.png',
        keypoints_px=rng.uniform(0, 39, (COUNT, 2)),
        visible=np.full(COUNT, 2),
        spacing=(0.1, 0.2),
        spacing_source='ruler',
        device='X1',
        subject=f'person {number}',
        class_labels=dict(ANB=2),
        image=rng.integers(0, 256, (50, 40), dtype=np.uint8),
    )
    return CephalometricRecord(**dict(fields, **changes))


def write(tmp_path, *records):
    path = tmp_path / 'ann' / 'cephalograms.json'
    report = AnnotationReport('source', problems=IMPLAUSIBLE)
    write_coco(records, SCHEMA, path, tmp_path / 'images', report=report)
    return report, path


def test_what_is_written_can_be_read(tmp_path):
    visible = np.full(COUNT, 2)
    visible[4], visible[5] = 0, 1
    points = make_record().keypoints_px.copy()
    points[4] = np.nan
    record = make_record(keypoints_px=points, visible=visible)
    report, path = write(
        tmp_path,
        record,
        make_record(
            1, spacing=None, spacing_source='unknown', device='', subject=''
        ),
    )
    assert not report

    content = load_coco(path)
    assert content['info']['schema'] == 'isbi2015'
    assert content['categories'][0]['keypoints'] == list(SCHEMA.names)
    first, second = content['images']
    assert first == dict(
        id=1, file_name='a/0.png', width=40, height=50, spacing=[0.1, 0.2],
        spacing_source='ruler', device='X1', subject='person 0',
        class_labels=dict(ANB=2),
    )  # fmt: skip
    assert second['spacing'] is None and 'subject' not in second
    annotation = content['annotations'][0]
    assert annotation['image_id'] == 1
    assert annotation['bbox'] == [0, 0, 40, 50]
    assert annotation['num_keypoints'] == COUNT - 1
    written = np.array(annotation['keypoints']).reshape(-1, 3)
    np.testing.assert_array_equal(written[:, 2], visible)
    np.testing.assert_array_equal(written[4], 0)
    np.testing.assert_array_equal(
        np.delete(written, 4, 0)[:, :2], np.delete(points, 4, 0)
    )
    image = cv2.imread(str(tmp_path / 'images/a/0.png'), 0)
    np.testing.assert_array_equal(image, record.image)


def test_the_size_is_that_of_the_image_on_disk(tmp_path):
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/b.png'), np.zeros((60, 44), np.uint8))
    _, path = write(tmp_path, make_record(image_path='b.png', image=None))
    (image,) = load_coco(path)['images']
    assert (image['width'], image['height']) == (44, 60)


def test_landmarks_outside_are_reported_and_kept(tmp_path):
    points = make_record().keypoints_px.copy()
    points[2] = (41.0, 3.0)
    report, path = write(tmp_path, make_record(keypoints_px=points))
    assert report.counts == dict(outside=1)
    (text,) = report.examples['outside']
    assert 'record 1 (a/0.png): Or at (41, 3), the image has 40 x 50' in text
    assert load_coco(path)['annotations'][0]['keypoints'][6:8] == [41.0, 3.0]


def with_point(value):
    points = make_record().keypoints_px.copy()
    points[1] = value
    return points


@pytest.mark.parametrize(
    'changes, kind, message',
    [
        (dict(keypoints_px=np.zeros((18, 2))), DataError,
         r"record 1 .*\(18, 2\).*'isbi2015' needs \(19, 2\)"),
        (dict(keypoints_px=with_point(np.nan)), DataError,
         r'wrong landmarks: N \(nan, nan, v = 2\)'),
        (dict(visible=np.full(COUNT, 3)), DataError, 'v = 3'),
        (dict(spacing=(0.1, 0.0)), DataError, 'two positive numbers'),
        (dict(spacing=(0.1, np.nan)), DataError, 'two positive numbers'),
        (dict(spacing=None), DataError, "its source is 'ruler'"),
        (dict(spacing_source='guess'), DataError, 'write one of file'),
        (dict(image=None), FileNotFoundError, 'there is no image .*0.png'),
        (dict(image_path='a/0.txt'), DataError, "written as '.txt'"),
    ],
)  # fmt: skip
def test_wrong_records_are_refused(tmp_path, changes, kind, message):
    with pytest.raises(kind, match=message):
        write(tmp_path, make_record(**changes))
    assert not (tmp_path / 'ann' / 'cephalograms.json').exists()


def test_one_image_is_one_record(tmp_path):
    with pytest.raises(DataError, match='record 2 .* the same image'):
        write(tmp_path, make_record(), make_record())
    with pytest.raises(DataError, match='no cephalogram'):
        write(tmp_path)


def test_an_unreadable_image_is_refused(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/b.png').write_text('text')
    with pytest.raises(DataError, match='b.png is no image'):
        write(tmp_path, make_record(image_path='b.png', image=None))


def drop_spacing_of(content):
    content['images'][0]['spacing'] = '0.1'


def swap_file(content):
    content['annotations'][1]['image_id'] = 1


@pytest.mark.parametrize(
    'edit, message',
    [
        (lambda c: c.pop('images'), "no list 'images'"),
        (lambda c: c['images'][1].pop('width'),
         "entry 1 of 'images': it has no width"),
        (lambda c: c['categories'].append({}), 'there must be one'),
        (lambda c: c['info'].update(schema='isbi'),
         "no landmark schema 'isbi': write one of document19"),
        (lambda c: c['categories'][0]['keypoints'].reverse() or
         c['categories'][0]['keypoints'].__setitem__(0, 'Sellla'),
         "missing: 'Articulare'; unknown: 'Sellla'"),
        (lambda c: c['images'][1].update(id=1), 'used twice: renumber'),
        (drop_spacing_of, r"image 1 \(a/0.png\): spacing is '0.1'"),
        (lambda c: c['images'][0].update(spacing=[0.1, -1]), 'two positive'),
        (lambda c: c['images'][0].update(width=0), '0 x 50'),
        (swap_file, 'annotation 2 and annotation 1: both belong to image 1'),
        (lambda c: c['annotations'][0].update(image_id=9),
         'annotation 1: there is no image 9'),
        (lambda c: c['annotations'][0]['keypoints'].pop(),
         'has 56 numbers, 57 are needed'),
        (lambda c: c['annotations'][0]['keypoints'].__setitem__(4, None),
         "annotation 1 .*landmark 'Nasion' is"),
        (lambda c: c['annotations'][0]['keypoints'].__setitem__(5, 4),
         'v = 0 '),
        (lambda c: c['annotations'][0].update(bbox=[0, 0, 0, 3]), 'bbox is'),
        (lambda c: c.update(info=[]), r"'info' is \[\]: write an object"),
        (lambda c: c.update(categories=['head']), 'there must be one'),
        (lambda c: c['images'][0].update(id=[1]), 'its id is no number'),
        (lambda c: c['annotations'][0].update(image_id=[1]), 'no image'),
        (lambda c: c['annotations'][0]['keypoints'].__setitem__(0, 10**400),
         'write finite x, y'),
    ],
)  # fmt: skip
def test_wrong_files_are_refused(tmp_path, edit, message):
    _, path = write(tmp_path, make_record(), make_record(1))
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        load_coco(path)
    assert str(path) in str(caught.value)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='correct ann_file'):
        load_coco(tmp_path / 'none.json')
    (tmp_path / 'half.json').write_text('{"images": [')
    with pytest.raises(DataError, match='no valid JSON'):
        load_coco(tmp_path / 'half.json')
