# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.csv_table import (
    LandmarkColumns,
    read_csv,
)
from cape_mm.datasets.formats.cephalometric.reading import normalise
from cape_mm.errors import DataError
from cape_mm.structures import Landmark, LandmarkSchema, get_schema

SCHEMA = LandmarkSchema(
    'tiny', (Landmark('S', 'Sella', ''), Landmark("Pog'", 'Chin', '')), '', ''
)
PAIR = LandmarkSchema(
    'tiny',
    (Landmark('Go', 'Gonion', ''), Landmark("N'", 'ST_Nasion', '')),
    '',
    '',
)


@pytest.fixture
def table(tmp_path):
    """Write a table, give what is read of it."""

    def write(text, report, encoding='utf-8'):
        path = tmp_path / 'cephalograms.csv'
        path.write_bytes(text.encode(encoding))
        return list(read_csv(path, SCHEMA, tmp_path, report))

    return write


def test_all_columns(table, report):
    (record,) = table(
        "file,S_x,S_y,Pog'_x,Pog'_y,Pog'_v,spacing_x,spacing_y,device,"
        'subject,split,remark\n'
        'a/1.png,1.5,2,3,4,1,0.1,0.2,Ceph 9,p1,dev,private\n',
        report,
    )
    np.testing.assert_array_equal(record.keypoints_px, [[1.5, 2], [3, 4]])
    assert record.visible.tolist() == [2, 1]
    assert record.spacing == (0.1, 0.2)
    assert record.spacing_source == 'file'
    assert (record.device, record.subject) == ('Ceph 9', 'p1')
    assert record.extra == dict(split='val')
    assert report.examples == dict(ignored_columns=["'remark'"])


@pytest.mark.parametrize('place', ['nan,7', '3,', '1e300,1e300', 'no,idea'])
def test_places_without_label_mean_nothing(table, report, place):
    (record,) = table(
        f"file,S_x,S_y,Pog'_x,Pog'_y,Pog'_v\n1.png,1,2,{place},0\n", report
    )
    assert record.visible.tolist() == [2, 0]
    assert np.isnan(record.keypoints_px[1]).all()


def test_semicolons_a_mark_at_the_begin_and_names(table, report):
    (record,) = table(
        '\ufeffFile;Sella_X;Sella_Y;chin_x;Chin _y;Spacing\n'
        '1.png;1;2;;;0.5\n;;;;;\n',
        report,
    )
    assert record.visible.tolist() == [2, 0]
    assert record.spacing == (0.5, 0.5)
    assert report.counts == dict(not_labelled=1)


def test_unknown_spacing_is_counted(table, report):
    (record,) = table(
        "file,S_x,S_y,Pog'_x,Pog'_y,spacing_x,spacing_y\na,1,2,3,4,,\n",
        report,
    )
    assert record.spacing is None and record.spacing_source == 'unknown'
    assert report.counts == dict(no_spacing=1)


@pytest.mark.parametrize(
    ('rows', 'words'),
    [
        ('a,1,2,3,x,1,1', r"row 2 \(a\), landmark Pog', column .*'x' is no"),
        ('a,1,2,3,,1,1', r"row 2 \(a\), landmark Pog': only one of"),
        ('a,1,2,3,4,1,', r'row 2 \(a\): its spacing is'),
        ('a,1,2,3,4,1,-1', r'row 2 \(a\): its spacing is'),
        ('a,1,2,3,4,1,1\na,1,2,3,4,1,1', 'row 3.*row 2 has the same image'),
        ('a,1,2,3,4', 'row 2: it has not as many cells'),
        ('a,1,2,3,4,1,1,1', 'row 2: it has not as many cells'),
        (',1,2,3,4,1,1', 'row 2.*write the name of the image'),
        ('/etc/a,1,2,3,4,1,1', 'row 2.*relative to'),
        ('../a,1,2,3,4,1,1', 'row 2.*relative to'),
        ('', 'has no row'),
    ],
)
def test_wrong_rows_are_named(table, report, rows, words):
    header = "file,S_x,S_y,Pog'_x,Pog'_y,spacing_x,spacing_y\n"
    with pytest.raises(DataError, match=words) as error:
        table(header + rows + '\n', report)
    assert 'cephalograms.csv' in str(error.value)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'no header'),
        ("S_x,S_y,Pog'_x,Pog'_y\n1,2,3,4\n", "no column 'file'"),
        ('file,S_x,S_y\na,1,2\n', "1 of the 2 landmarks .*: Pog'_x"),
    ],
)
def test_wrong_headers(table, report, text, words):
    with pytest.raises(DataError, match=words):
        table(text, report)


def test_another_encoding(table, report):
    with pytest.raises(DataError, match='cephalograms.csv is not UTF-8'):
        table("file,S_x,S_y,Pog'_x,Pog'_y\nä,1,2,3,4\n", report, 'latin-1')


def test_an_unknown_part(table, report):
    with pytest.raises(DataError, match="column 'split': 'my set' is no"):
        table("file,S_x,S_y,Pog'_x,Pog'_y,split\na,1,2,3,4,my set\n", report)


def test_table_of_the_challenge_of_2024(tmp_path, report):
    names = [f'p{n}{axis}' for n in range(1, 54) for axis in 'xy']
    cells = [
        f'{n + 0.5 * (axis == "y")}' for n in range(1, 54) for axis in 'xy'
    ]
    path = tmp_path / 'labels.csv'
    path.write_text(
        ','.join(['image file', 'spacing(mm)', *names])
        + '\n'
        + ','.join(['001.bmp', '0.096', *cells])
        + '\n'
    )
    schema, root = get_schema('cl_detection53'), tmp_path / 'images'
    (record,) = read_csv(path, schema, root, report, '{}{}')
    assert record.image_path == '001.bmp'
    assert record.spacing == (0.096, 0.096)
    assert record.keypoints_px[52].tolist() == [53, 53.5]
    assert (record.visible == 2).all() and not report


def match(*header):
    return LandmarkColumns(header, PAIR, 'file')


@pytest.mark.parametrize(
    'header',
    [
        ('Gonion _x', 'Gonion _y', 'ST Nasion_x', 'ST Nasion_y'),
        ('N’_y', 'N’_x', 'go_x', 'go_y'),
    ],
)
def test_columns_are_found_by_code_and_name_in_any_order(header):
    gonion, nasion = match(*header).points
    assert normalise(gonion[0])[:2] == 'go' and gonion[0].endswith('x')
    assert nasion[1].endswith('y') and gonion[2] is None


def test_missing_landmarks_are_listed_with_what_is_there():
    with pytest.raises(DataError, match=r"1 of the 2 .*'tiny'.*: N'_x") as e:
        match('Go_x', 'Go_y', 'Sella_x')
    assert 'Sella_x' in str(e.value)


def test_code_and_name_of_one_landmark_are_refused():
    with pytest.raises(DataError, match='landmark Go is there twice'):
        match('Go_x', 'Go_y', 'Gonion_x', 'Gonion_y', "N'_x", "N'_y")


def test_columns_that_differ_in_blanks_only_are_refused():
    with pytest.raises(DataError, match="'Gonion_x' and 'Gonion _x'"):
        match('Gonion_x', 'Gonion _x')


def test_points_of_a_row(report):
    header = ('Go_x', 'Go_y', 'Go_v', "N'_x", "N'_y")
    row = dict(zip(header, ('1.5', '2', '1', '', '')))
    points, visible = match(*header).read(row, 'row', report)
    assert points[0].tolist() == [1.5, 2]
    assert visible.tolist() == [1, 0]
    assert report.examples['not_labelled'] == ["row, landmark N'"]


def test_half_a_point_is_refused(report):
    header = ('Go_x', 'Go_y', "N'_x", "N'_y")
    row = dict(zip(header, ('1.5', '', '', '')))
    with pytest.raises(DataError, match="landmark Go: only one of 'Go_x'"):
        match(*header).read(row, 'row', report)


def test_a_wrong_visibility_is_refused(report):
    header = ('Go_x', 'Go_y', 'Go_v', "N'_x", "N'_y")
    row = dict(zip(header, ('1', '2', '3', '', '')))
    with pytest.raises(DataError, match=r"column 'Go_v': 3: write 0"):
        match(*header).read(row, 'row', report)
