# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import pytest
from support.golden_face import EXPECTED, POINTS
from support.predicted_cephalogram import make_predicted_cephalogram

from cape_mm.apis import (
    describe_cephalogram,
    landmark_table,
    measurement_table,
    write_table,
)
from cape_mm.evaluation.functional.cephalometric_norms import load_norms


def by(key, rows):
    return {row[key]: row for row in rows}


def test_landmarks_in_pixels_and_millimetres():
    cephalogram = make_predicted_cephalogram(spacing=(0.5, 0.25), S=0.31)
    rows = by('landmark', landmark_table(cephalogram))
    assert list(rows) == list(cephalogram.landmark_codes)
    x, y = POINTS['S']
    assert rows['S'] == dict(
        landmark='S',
        name='sella',
        x_px=x + 40,
        y_px=y + 40,
        x_mm=(x + 40) * 0.5,
        y_mm=(y + 40) * 0.25,
        confidence=0.31,
    )


def test_no_millimetres_without_spacing():
    cephalogram = make_predicted_cephalogram(spacing=None)
    row = landmark_table(cephalogram)[0]
    assert row['x_mm'] is None and row['y_mm'] is None
    rows = by('measurement', measurement_table(cephalogram))
    assert rows['S-N']['value'] is None
    assert rows['S-N']['remark'] == 'missing spacing'
    assert rows['SNA']['value'] == pytest.approx(EXPECTED['SNA'], abs=1e-3)


def test_measurements_are_compared_with_norms():
    cephalogram = make_predicted_cephalogram()
    rows = by('measurement', measurement_table(cephalogram))
    assert rows['SNA']['verdict'] == 'normal'
    assert (rows['SNA']['normal_low'], rows['SNA']['normal_high']) == (
        78.5,
        85.5,
    )
    assert rows['LAFH']['verdict'] == 'high'
    assert rows['N-S-Ar']['verdict'] == '', 'this norm has no band'
    assert rows['Wits']['remark'] == 'missing U6, L6'
    assert rows['Wits']['verdict'] == ''
    other = by(
        'measurement', measurement_table(cephalogram, load_norms('isbi2015'))
    )
    assert other['SNA']['normal_low'] == 79.4


def test_description_is_plain():
    cephalogram = make_predicted_cephalogram(notes=('beware',))
    content = json.loads(json.dumps(describe_cephalogram(cephalogram)))
    assert content['image'] == 'cephalograms/face.png'
    assert (content['width'], content['height']) == (160, 200)
    assert content['spacing'] == [1.0, 1.0]
    assert content['notes'] == ['beware']
    assert len(content['landmarks']) == 23
    assert len(content['measurements']) == len(cephalogram.measurements)


def test_tables_have_a_header_and_empty_cells(tmp_path):
    path = tmp_path / 'table.csv'
    write_table(path, [dict(name="N'", value=None), dict(name='S', value=1.5)])
    with path.open(newline='') as file:
        assert list(csv.reader(file)) == [
            ['name', 'value'],
            ["N'", ''],
            ['S', '1.5'],
        ]
