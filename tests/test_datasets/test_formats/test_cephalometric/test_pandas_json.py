# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.pandas_json import (
    read_pandas_json,
    read_rulers,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

SCHEMA = get_schema('document19')
SIDE = 8


def make_row(number, person, part, **more):
    image = np.full((SIDE, SIDE, 3), 10 * number, np.uint8)
    row = dict(patient_id=person, Image=image.ravel().tolist(), set=part)
    row['class'] = 'II'
    for index, name in enumerate(SCHEMA.names):
        # as the table writes them: blanks, and one too many for Gonion
        stem = name.replace('_', ' ') + ' ' * (name == 'Gonion')
        row[f'{stem}_x'] = index / 4
        row[f'{stem}_y'] = index / 8
    row['name'] = 'Erika Mustermann'
    row.update(more)
    return row


@pytest.fixture
def table(tmp_path):
    """Write three cephalograms of two persons."""

    def write(rows=None, by_columns=False):
        rows = rows or [
            make_row(1, 4711, 'train'),
            make_row(2, 'B-17', 'dev'),
            make_row(3, 4711.0, 'train', **{'class': 3}),
        ]
        content = rows
        if by_columns:
            content = {
                name: {str(i): row.get(name) for i, row in enumerate(rows)}
                for name in rows[0]
            }
        path = tmp_path / 'table.json'
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize('by_columns', [False, True])
def test_cephalograms_of_the_table(table, report, by_columns):
    path = table(by_columns=by_columns)
    records = list(read_pandas_json(path, SCHEMA, report))
    assert [r.extra['split'] for r in records] == ['train', 'val', 'train']
    gonion = SCHEMA.index_of('Go')
    assert records[0].keypoints_px[gonion].tolist() == [2.5, 1.25]
    assert (records[1].image == 20).all()
    assert records[1].image.shape == (SIDE, SIDE)
    labels = [r.class_labels['skeletal_class'] for r in records]
    assert labels == ['II', 'II', 'III']


def test_persons_get_numbers_and_nothing_else_is_copied(table, report):
    records = list(read_pandas_json(table(), SCHEMA, report))
    assert [r.subject for r in records] == ['0001', '0002', '0001']
    text = repr(
        [
            (r.subject, r.device, r.extra, r.class_labels, r.image_path)
            for r in records
        ]
    ) + str(report)
    for secret in ('4711', 'B-17', 'Mustermann'):
        assert secret not in text
    assert report.examples['ignored_columns'] == ["'name'"]


def test_a_person_is_not_named_in_an_error(table, report):
    row = make_row(1, 'Mustermann', 'train', sella_x='left')
    with pytest.raises(DataError, match=r'row 0, landmark S') as error:
        list(read_pandas_json(table([row]), SCHEMA, report))
    assert 'Mustermann' not in str(error.value)


def test_nan_is_not_labelled(table, report):
    row = make_row(1, 1, 'test', sella_x=math.nan, sella_y=None)
    (record,) = read_pandas_json(table([row]), SCHEMA, report)
    assert record.visible[0] == 0 and (record.visible[1:] == 2).all()
    assert report.counts['not_labelled'] == 1


def test_rulers_scale_each_axis(table, report, tmp_path):
    rulers = tmp_path / 'rulers.json'
    points = dict(
        ruler_point_up_x=0,
        ruler_point_up_y=10,
        ruler_point_down_x=0,
        ruler_point_down_y=35,
    )
    rulers.write_text(
        json.dumps({'4711': points, 'B-17': dict(points, ruler_mm=20)})
    )
    sizes = read_rulers(rulers, (600, 600))
    records = list(read_pandas_json(table(), SCHEMA, report, sizes_mm=sizes))
    # 10 mm are 25 of 600 pixels: the cephalogram is 240 mm wide, in 8 pixels
    assert records[0].spacing == pytest.approx((30, 30))
    assert records[1].spacing == pytest.approx((60, 60))
    assert records[0].spacing_source == 'ruler'
    assert 'no_spacing' not in report.counts


def test_cephalograms_without_ruler_are_counted(table, report):
    records = list(read_pandas_json(table(), SCHEMA, report))
    assert records[0].spacing is None
    assert report.counts['no_spacing'] == 3


def test_colours_are_kept_and_the_size_may_be_given(table, report):
    image = np.zeros((4, 16, 3), np.uint8)
    image[..., 0] = 200
    row = make_row(1, 1, 'train', Image=image.ravel().tolist())
    (record,) = read_pandas_json(table([row]), SCHEMA, report, (16, 4))
    assert record.image.shape == (4, 16, 3)
    assert record.image[0, 0].tolist() == [0, 0, 200]


@pytest.mark.parametrize(
    ('more', 'words'),
    [
        (dict(Image=[1, 2, 3, 4]), 'row 0.*4 numbers are not'),
        (dict(Image=[0.5] * 192), 'row 0.*whole numbers 0 to 255'),
        (dict(Image=[256] * 192), 'row 0.*whole numbers 0 to 255'),
        (dict(Image=None), 'row 0.*whole numbers 0 to 255'),
        (dict(Image='secret'), 'row 0.*whole numbers 0 to 255'),
        ({'class': 'IV'}, "row 0, column 'class': 'IV'"),
        (dict(set=None), "row 0, column 'set': 'None' is no part"),
    ],
)
def test_wrong_cells_are_named(table, report, more, words):
    path = table([make_row(1, 1, 'train', **more)])
    with pytest.raises(DataError, match=words) as error:
        list(read_pandas_json(path, SCHEMA, report))
    assert 'table.json' in str(error.value)


def test_missing_columns_are_listed(table, report):
    row = make_row(1, 1, 'train')
    del row['ANS_x']
    with pytest.raises(DataError, match='1 of the 19 .*: ANS_x'):
        list(read_pandas_json(table([row]), SCHEMA, report))
    row = make_row(1, 1, 'train')
    del row['Image']
    with pytest.raises(DataError, match="no column 'Image'"):
        list(read_pandas_json(table([row]), SCHEMA, report))


@pytest.mark.parametrize('text', ['[]', '[1]', '"x"', '{"a": 1}', '{'])
def test_other_files(tmp_path, report, text):
    path = tmp_path / 'table.json'
    path.write_text(text)
    with pytest.raises(DataError, match='table.json'):
        list(read_pandas_json(path, SCHEMA, report))


def test_wrong_rulers_are_counted_by_number_not_by_name(tmp_path):
    path = tmp_path / 'rulers.json'
    point = dict.fromkeys(
        (
            'ruler_point_up_x',
            'ruler_point_up_y',
            'ruler_point_down_x',
            'ruler_point_down_y',
        ),
        5,
    )
    path.write_text(json.dumps({'Mustermann': point}))
    with pytest.raises(DataError, match='entry 1: 10 mm are 0 pix') as error:
        read_rulers(path, (600, 600))
    assert 'Mustermann' not in str(error.value)
    point['ruler_point_up_x'] = None
    path.write_text(json.dumps({'Mustermann': point}))
    assert read_rulers(path, (600, 600)) == {}
