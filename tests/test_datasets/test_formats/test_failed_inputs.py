# Copyright (c) cape_mm contributors. All rights reserved.
"""Inputs that once gave a bare exception, a wrong value or a hang."""

from __future__ import annotations

import json
import math
import os
from functools import reduce
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('hypothesis')

from support.annotation_documents import (  # noqa: E402
    aariz_document,
    annolist_document,
    cephalometric_document,
    cl_detection_document,
    mp100_document,
    posetrack_document,
)
from support.annotation_readers import (  # noqa: E402
    all_readers,
    write_images,
)

from cape_mm.datasets.datasets import CephalometricDataset  # noqa: E402
from cape_mm.datasets.formats.annotation_report import (  # noqa: E402
    AnnotationReport,
)
from cape_mm.datasets.formats.annotation_tools import (  # noqa: E402
    REPAIRS,
    read_annotations,
)
from cape_mm.datasets.formats.cephalometric.conversion import (  # noqa: E402
    make_report,
)
from cape_mm.datasets.formats.cephalometric.csv_table import (  # noqa: E402
    read_csv,
)
from cape_mm.datasets.formats.image_check import check_image  # noqa: E402
from cape_mm.errors import DataError  # noqa: E402
from cape_mm.structures import get_schema  # noqa: E402

SHARED = Path(__file__).resolve().parents[4] / 'shared'
FOLDER = SHARED / 'failures' / 'annotations'
ANN, IMG, RECT = ('annotations', 0), ('images', 0), ('annolist', 0, 'annorect')
POINTS = (*RECT, 0, 'annopoints')
POINT = (*POINTS, 0, 'point')
DROP = object()
DOCUMENTS = dict(
    mp100=mp100_document,
    posetrack18=posetrack_document,
    posetrack17=annolist_document,
    cephalometric=cephalometric_document,
    aariz=aariz_document,
    cl_detection=cl_detection_document,
)
#: By name: the reader, the place of the fault, the value there, and the error
#: or the kinds that are counted.
CASES = {
    'aariz_value_str': (
        *('aariz', ('landmarks', 0, 'value'), 'a'),
        "landmark A: value is 'a', not an object",
    ),
    'ceph_ann_area_str': (
        *('cephalometric', (*ANN, 'area'), 'a', "area is 'a': write a number"),
    ),
    'ceph_ann_image_id_nested': (
        *('cephalometric', (*ANN, 'image_id'), [[1]]),
        r'there is no image \[\[1\]\]: add it',
    ),
    'ceph_categories_list_str': (
        *('cephalometric', ('categories',), ['x']),
        "'categories': there must be one, with the list of landmark names",
    ),
    'ceph_img_file_name_neg': (
        *('cephalometric', (*IMG, 'file_name'), -1),
        'the image -1 has no file name; correct',
    ),
    'ceph_img_id_bool': (
        *('cephalometric', (*IMG, 'id'), True),
        'its id is no number: renumber',
    ),
    'ceph_info_null': ('cephalometric', ('info',), None, {}),
    'ceph_kp0_huge': (
        *('cephalometric', (*ANN, 'keypoints', 0), 10**400),
        r"landmark '[Ss]ella' is \[10{70,79} \.\.\.: write finite x, y",
    ),
    'ceph_schema_null': ('cephalometric', ('info', 'schema'), None, {}),
    'cl2023_points_null': (
        *('cl_detection', ('points',), None, "'points' is None, not a list"),
    ),
    'cl2023_pt_filminf': (
        *('cl_detection', ('points', 0, 'point', 2), math.inf),
        'point 0 is .*inf.*: a name 1 to 38 and three numbers x, y, ceph',
    ),
    'fifo': (
        *('mp100', (*IMG, 'file_name'), 'fifo.jpg'),
        "the image 'fifo.jpg' is no regular file; correct the name",
    ),
    'fname_abs': (
        *('mp100', (*IMG, 'file_name'), '/etc/hostname'),
        "'/etc/hostname' has an absolute path; put the images into",
    ),
    'fname_dotdot': (
        *('mp100', (*IMG, 'file_name'), '../../secret.jpg'),
        r"'\.\./\.\./secret.jpg' leads out of its folder by \.\.; put",
    ),
    'fname_http': (
        *('mp100', (*IMG, 'file_name'), 'http://127.0.0.1:9/x.jpg'),
        "'http://127.0.0.1:9/x.jpg' is a URL; correct the name",
    ),
    'kp_1e300': (
        *('mp100', (*ANN, 'keypoints', 0), 1e300, dict(not_finite=1)),
    ),
    'kp_hugeint400digits': (
        *('mp100', (*ANN, 'keypoints', 0), 10**400, dict(not_finite=1)),
    ),
    'posetrack_L_dup_image_id': (
        *('posetrack18', ('images', 1, 'id'), 1),
        r'1 image id\(s\) occur\(s\) twice, e.g. 1',
    ),
    'posetrack_L_region_1e9': (
        *('posetrack18', (*IMG, 'ignore_regions_x', 0, 1), -1e9, {}),
    ),
    'posetrack_ann_bbox_neg': (
        *('posetrack18', (*ANN, 'bbox'), -1, 'bbox is -1, not a list'),
    ),
    'posetrack_ann_category_id_str': (
        *('posetrack18', (*ANN, 'category_id'), 'a'),
        "category_id is 'a', not a whole number",
    ),
    'posetrack_ann_image_id_nested': (
        *('posetrack18', (*ANN, 'image_id'), [[1]]),
        r'image_id is \[\[1\]\], not a whole number',
    ),
    'posetrack_ann_track_id_nan': (
        *('posetrack18', (*ANN, 'track_id'), math.nan),
        'track_id is nan, not a whole number',
    ),
    'posetrack_annotations_null_entry': (
        *('posetrack18', ('annotations', 5), None),
        r'annotation number \d+ is None, not an object',
    ),
    'posetrack_cat_id_neg': (
        *('posetrack18', ('categories', 0, 'id'), -1),
        'no annotation has the category_id -1 of its category of persons',
    ),
    'posetrack_img_file_name_null': (
        *('posetrack18', (*IMG, 'file_name'), None),
        'image number 0: file_name is None, not a text',
    ),
    'posetrack_kp_short': (
        *('posetrack18', (*ANN, 'keypoints', 50), DROP),
        'keypoints has 50 entries, must have 51',
    ),
    'posetrack_no_annotations': (
        *('posetrack18', ('annotations',), DROP),
        r"no list 'annotations', but (\d) of its \1 frames are marked as lab",
    ),
    'posetrack_p17_annorect_neg': (
        *('posetrack17', RECT, -1, 'entry 0 .* annorect is -1, not a list'),
    ),
    'posetrack_p17_dup_pid': (
        *('posetrack17', (*POINT, 1, 'id'), [0], dict(repeated_keypoint=1)),
    ),
    'posetrack_p17_pid_float': (
        *('posetrack17', (*POINT, 0, 'id'), [1.5]),
        'annorect 0 has keypoint id 1.5; PoseTrack17 has 0 to 14',
    ),
    'posetrack_p17_pid_missing': (
        *('posetrack17', (*POINT, 0, 'id'), DROP),
        'entry 0 of annolist, annorect 0 has a point without id',
    ),
    'posetrack_p17_points_str': (
        *('posetrack17', POINTS, 'a', "annopoints is 'a', not an object"),
    ),
    'posetrack_tid_2^63': (
        *('posetrack18', (*ANN, 'track_id'), 2**63),
        'track_id is 9223372036854775808, not a whole number',
    ),
}
#: Those that are no change of a sound document.
OTHERS = {
    'csv_huge_field': r'row 2: field larger than field limit \(131072\)',
    'deepnest': 'is no valid JSON.*recursion',
}


def check(read, expected, name):
    """Assert the error, with the file's name, or the counted kinds."""
    if isinstance(expected, str):
        with pytest.raises(DataError, match=expected) as caught:
            read()
        (text,) = str(caught.value).splitlines()
        assert name in text and len(text) < 1000
    else:
        assert dict(read().reported) == expected


@pytest.mark.parametrize('name', CASES)
def test_input_that_failed_is_read_or_named(name, tmp_path):
    write_images(tmp_path)
    os.mkfifo(tmp_path / 'fifo.jpg')
    key, place, value, expected = CASES[name]
    content = DOCUMENTS[key]()
    parent = reduce(lambda part, step: part[step], place[:-1], content)
    if value is DROP:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    path = tmp_path / 'annotations.json'
    path.write_text(json.dumps(content))
    check(lambda: all_readers()[key].read(path), expected, path.name)


def test_cell_that_is_too_long_is_named(tmp_path):
    schema = get_schema('isbi2015')
    header = ','.join(f'{c}_{axis}' for c in schema.codes for axis in 'xy')
    path = tmp_path / 'table.csv'
    path.write_text(f'file,{header}\n{"a" * 200_000}\n')
    check(
        lambda: [*read_csv(path, schema, tmp_path, make_report(path))],
        OTHERS['csv_huge_field'],
        path.name,
    )


def test_named_pipe_in_an_import_is_counted(tmp_path):
    write_images(tmp_path)
    (tmp_path / '000001.png').unlink()
    os.mkfifo(tmp_path / '000001.png')
    path = tmp_path / 'annotations.json'
    path.write_text(json.dumps(mp100_document()))
    os.mkfifo(tmp_path / 'other.json')
    found = all_readers()['coco'].read(path)
    assert found.reported['unreadable'] == 1
    with pytest.raises(DataError, match=r'000001\.png is no regular file'):
        check_image(tmp_path / '000001.png', decode=False)
    report = AnnotationReport(str(tmp_path), problems=REPAIRS)
    found_again = read_annotations([tmp_path], report, category='mug')
    assert len(found_again.images) == 2
    assert {name for name, _ in found.records} == {'000002.png', '000003.png'}


def read_failed_input(path, tmp_path):
    """Read a file of the folder with its reader, beside its images."""
    if path.suffix == '.csv':
        schema = get_schema('isbi2015')
        return [*read_csv(path, schema, tmp_path, make_report(path))]
    key = CASES.get(path.stem, ('mp100',))[0]
    content = path.read_text()
    copy = tmp_path / path.name
    copy.write_text(content)
    if key == 'aariz':
        copy = copy.rename(tmp_path / 'annotations.json')
        copy.write_text(content.replace('"train1"', '"annotations"'))
    if key != 'cephalometric':
        return all_readers()[key].read(copy)
    for image in json.loads(content)['images']:
        size = (image['height'], image['width'])
        target = tmp_path / str(image['file_name'])
        if target.suffix:
            cv2.imwrite(str(target), np.zeros(size, np.uint8))
    prefix = dict(img=str(tmp_path))
    dataset = CephalometricDataset(
        str(copy), 'cephalogram23', data_prefix=prefix, lazy_init=True
    )
    assert len(dataset.load_data_list()) == 5
    dataset.reported = dataset._report.counts
    return dataset


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f'there is no {FOLDER}')
@pytest.mark.parametrize('name', [*CASES, *OTHERS])
def test_original_of_the_input_has_the_same_outcome(name, tmp_path):
    (path,) = FOLDER.glob(f'{name}.*')
    os.mkfifo(tmp_path / 'fifo.jpg')
    expected = CASES[name][-1] if name in CASES else OTHERS[name]
    is_renamed = name.startswith('aariz')
    check(
        lambda: read_failed_input(path, tmp_path),
        expected,
        'annotations.json' if is_renamed else path.name,
    )


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f'there is no {FOLDER}')
def test_every_input_of_the_folder_is_tested():
    assert {path.stem for path in FOLDER.iterdir()} == {*CASES, *OTHERS}
