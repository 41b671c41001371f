# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from support.golden_face import EXPECTED, POINTS
from support.predicted_cephalogram import make_predicted_cephalogram

from cape_mm.apis import (
    describe_cephalogram,
    landmark_table,
    measurement_table,
    review_table,
    write_table,
)
from cape_mm.evaluation.functional.cephalometric_norms import load_norms
from cape_mm.structures import get_schema


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
        radius_px=None,
        radius_mm=None,
    )


RADII = np.linspace(1.0, 3.2, 23)


def test_radii_in_pixels_and_millimetres():
    cephalogram = make_predicted_cephalogram((0.5, 0.25), radii=RADII)
    rows = landmark_table(cephalogram)
    assert rows[0]['radius_mm'] == 1.0 and rows[-1]['radius_mm'] == 3.2
    assert rows[0]['radius_px'] == 2.0, 'along x'
    cephalogram = make_predicted_cephalogram(spacing=None, radii=RADII)
    rows = landmark_table(cephalogram)
    assert rows[-1]['radius_mm'] is None and rows[-1]['radius_px'] == 3.2


def test_intervals_of_measurements_make_verdicts_uncertain():
    cephalogram = make_predicted_cephalogram(radii=RADII)
    rows = by('measurement', measurement_table(cephalogram))
    plain = by('measurement', measurement_table(make_predicted_cephalogram()))
    assert plain['ANB']['low'] is None and plain['ANB']['high'] is None
    for name, row in rows.items():
        if row['value'] is None:
            assert row['low'] is None
            continue
        assert row['low'] < row['value'] < row['high']
        low, high = row['normal_low'], row['normal_high']
        if low is not None:
            crosses = any(row['low'] < e < row['high'] for e in (low, high))
            assert (row['verdict'] == 'uncertain') == crosses, name
            assert crosses or row['verdict'] == plain[name]['verdict']
    # 3.98 of 0 to 4
    assert plain['ANB']['verdict'] == 'normal'
    assert rows['ANB']['verdict'] == 'uncertain'


def test_cephalograms_to_check_first_are_on_top():
    cephalograms = {
        'wide': make_predicted_cephalogram(radii=2 * RADII),
        'narrow': make_predicted_cephalogram(radii=RADII, Go=0.1),
        'middle': make_predicted_cephalogram(radii=1.5 * RADII, notes=('x',)),
    }
    entries = []
    for name, cephalogram in cephalograms.items():
        cephalogram.set_metainfo(dict(img_path=name))
        entries.append(describe_cephalogram(cephalogram))
    rows = review_table(entries)
    assert [row['image'] for row in rows] == ['wide', 'middle', 'narrow']
    last = get_schema('cephalogram23').codes[-1]
    assert rows[0]['largest_radius_mm'] == 6.4
    assert rows[0]['landmark'] == last
    assert rows[1]['notes'] == 'x' and 'ANB' in rows[1]['uncertain'].split()
    assert rows[2]['least_certain'] == 'Go'
    # without radii by confidence
    for entry in entries:
        for row in entry['landmarks']:
            row['radius_mm'] = None
    rows = review_table(entries)
    assert rows[0]['image'] == 'narrow' and rows[0]['landmark'] == ''


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
