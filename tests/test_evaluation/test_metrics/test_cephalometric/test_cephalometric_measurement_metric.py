# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json
import logging
import math

import numpy as np
import pytest
from support.cephalogram_samples import evaluate_cephalograms, make_cephalogram
from support.golden_face import EXPECTED, POINTS, place

from cape_mm.evaluation.metrics import CephalometricMeasurementMetric
from cape_mm.registry import METRICS
from cape_mm.structures import get_schema

SCHEMA = 'cephalogram23'
SPACING = (0.1, 0.1)


def cephalogram(
    changes=None, number=1, spacing=SPACING, hidden=(), shift=500.0
):
    """The golden face, and a prediction that differs in some points."""
    truth, _ = place(SCHEMA)
    predicted, _ = place(SCHEMA, dict(POINTS, **(changes or {})))
    visible = [code not in hidden for code in get_schema(SCHEMA).codes]
    return make_cephalogram(
        truth / 0.1 + shift,
        predicted / 0.1 + shift,
        visible,
        number=number,
        spacing=spacing,
        box=(0, 0, 3000, 3000),
    )


def evaluate(cephalograms, schema=SCHEMA, **options):
    metric = METRICS.build(
        dict(type='cape_mm.CephalometricMeasurementMetric', **options)
    )
    return evaluate_cephalograms(metric, cephalograms, schema)


def on_line(angle, length):
    """A point at an angle to N-S, as measured at N."""
    start = np.degrees(np.arctan2(10.3, -69.2))
    radians = np.radians(start - angle)
    x, y = POINTS['N']
    return x + length * np.cos(radians), y + length * np.sin(radians)


def test_a_perfect_prediction():
    metrics = evaluate([cephalogram(), cephalogram(number=2, shift=90.0)])
    errors = [v for key, v in metrics.items() if key.endswith('_error')]
    assert errors == pytest.approx([0] * len(errors), abs=1e-3)
    assert metrics['isbi_SCR'] == 100
    measured = {key[: -len('_error')] for key in metrics}
    assert EXPECTED.keys() <= measured
    assert math.isnan(metrics['isbi_kappa'])  # all cephalograms have one type


def test_errors_of_angles_by_hand(cephalogram_log):
    # A that makes SNA 84.534 and 80.534, that is 3 more and 1 less
    cephalograms = [cephalogram({'A': on_line(81.534 + d, 57)}, n) for n, d in
             enumerate((3, -1))]  # fmt: skip
    metrics = evaluate(cephalograms)
    assert metrics['SNA_error'] == pytest.approx(2, abs=1e-3)
    assert metrics['ANB_error'] == pytest.approx(2, abs=1e-3)
    assert metrics['SNB_error'] == pytest.approx(0, abs=1e-3)
    (table,) = [
        text for _, text in cephalogram_log if 'limits of agreement' in text
    ]
    (row,) = [r for r in table.splitlines() if r.startswith('SNA ')]
    cells = row.split()
    assert cells[:4] == ['SNA', 'deg', '0', '2']
    # bias 1, SD sqrt(8) with N - 1
    found = [float(cell) for cell in cells[4:]]
    half = 1.96 * math.sqrt(8)
    expected = [2, 1, math.sqrt(8), 1 - half, 1 + half]
    assert found == pytest.approx(expected, abs=2e-3)


def test_means_over_angles_and_over_distances():
    cephalograms = [cephalogram({'U1': (74.0, 70.7)})]
    metrics = evaluate(
        cephalograms, measurements=('SNA', 'U1-SN', 'overjet', 'FHI')
    )
    errors = {key for key in metrics if key.endswith('_error')}
    assert errors == {
        'SNA_error', 'U1-SN_error', 'overjet_error', 'FHI_error',
        'angle_error', 'length_error',
    }  # fmt: skip
    assert metrics['angle_error'] == pytest.approx(
        metrics['U1-SN_error'] / 2, abs=1e-3
    )
    assert metrics['length_error'] == pytest.approx(0.8, abs=1e-3)


def test_keys_can_be_part_of_file_names():
    for key, value in evaluate([cephalogram()]).items():
        assert not set(key) & set(' /\\:*?"<>|\''), key
        assert isinstance(value, float)


def test_types_and_their_agreement(cephalogram_log):
    # the truth is normal in all; SNA 84.5 is class 2, ANB 7 is class 2
    wrong = {'A': on_line(84.534, 57)}
    metrics = evaluate(
        [cephalogram(wrong, 1), cephalogram(None, 2), cephalogram(None, 3)]
    )
    (table,) = [text for _, text in cephalogram_log if 'ISBI' in text]
    rows = {r.split()[0]: r.split()[1:] for r in table.splitlines()[3:]}
    assert rows['SNA'][:2] == ['3', '66.6667']
    assert rows['ANB'][:2] == ['3', '66.6667']
    assert rows['SNB'][:2] == ['3', '100.0000']
    rates = [float(row[1]) for row in rows.values()]
    assert len(rates) == 8
    assert metrics['isbi_SCR'] == pytest.approx(np.mean(rates), abs=1e-3)
    # truth is all of one class: chance explains what agrees
    assert float(rows['SNA'][2]) == pytest.approx(0, abs=1e-9)


def test_without_spacing_there_are_angles_but_no_distances(cephalogram_log):
    whole = evaluate([cephalogram()])
    metrics = evaluate([cephalogram(), cephalogram(number=2, spacing=None)])
    for key in ('overjet_error', 'MW_error', 'S-N_error', 'length_error'):
        assert key in whole and key not in metrics
    assert not [key for key in metrics if '_mm' in key]
    assert 'SNA_error' in metrics and 'FHI_error' in metrics
    warnings = [
        text for level, text in cephalogram_log if level == logging.WARNING
    ]
    assert len(warnings) == 1
    assert '1 of 2' in warnings[0] and '2 (images/2.png)' in warnings[0]
    (table,) = [t for _, t in cephalogram_log[-4:] if 'ISBI' in t]
    assert 'MW' not in table and 'APDI' in table


def test_what_the_schema_lacks_is_said(cephalogram_log):
    truth, visible = place('document19')
    cephalograms = [make_cephalogram(truth, truth, visible)]
    metrics = evaluate(cephalograms, 'document19')
    assert 'FMA_error' not in metrics and 'IMPA_error' in metrics
    (text,) = [text for _, text in cephalogram_log if 'Not available' in text]
    assert 'FMA: missing Po, Or' in text and 'gonial: missing Ar' in text


def test_a_schema_that_allows_nothing(cephalogram_log):
    points = np.random.default_rng(0).random((53, 2))
    metrics = evaluate([make_cephalogram(points, points)], 'cl_detection53')
    assert metrics == {}


def test_unlabelled_landmarks_are_left_out_of_truth_and_prediction():
    wrong = {'A': (10.0, 10.0), 'Or': (56.2, 60.0)}
    cephalograms = [
        cephalogram(wrong, 1, hidden=('A', 'Or')),
        cephalogram(None, 2),
    ]
    metrics = evaluate(cephalograms)
    # the horizontal comes from S and N in both, although Or is predicted
    for key in ('SNA_error', 'FMA_error', 'overjet_error', 'IMPA_error'):
        assert metrics[key] == pytest.approx(0, abs=1e-3), key
    assert metrics['isbi_SCR'] == 100


def test_predictions_that_cannot_be_measured_are_reported(cephalogram_log):
    wrong = {'A': POINTS['N']}
    metrics = evaluate([cephalogram(wrong, 1), cephalogram(None, 2)])
    assert metrics['SNA_error'] == pytest.approx(0, abs=1e-3)
    assert metrics['isbi_SCR'] < 100
    (table,) = [text for _, text in cephalogram_log if 'ISBI' in text]
    (row,) = [r for r in table.splitlines() if r.startswith('SNA ')]
    assert row.split()[1:3] == ['2', '50.0000']  # no type is a wrong type
    (text,) = [t for level, t in cephalogram_log if level == logging.WARNING]
    assert '1 SNA' in text
    alone = evaluate([cephalogram(wrong, 1)])
    assert math.isnan(alone['SNA_error'])
    assert not math.isnan(alone['angle_error'])


def test_mirrored_cephalograms_have_the_same_errors():
    changes = {'A': (71.0, 47.0), 'Go': (-9.0, 80.0)}
    expected = evaluate([cephalogram(changes)])
    sample = cephalogram(changes)
    for side in ('gt_instances', 'pred_instances'):
        sample[side]['keypoints'] *= np.float32([-1, 1])
    assert evaluate([sample]) == pytest.approx(expected, abs=1e-3, nan_ok=True)


def test_files_hold_everything(tmp_path):
    path = tmp_path / 'measured.json'
    cephalograms = [
        cephalogram({'A': on_line(84.534, 57)}, 7),
        cephalogram(None, 8),
    ]
    metrics = evaluate(cephalograms, dump_file=str(path))
    summary = json.loads(path.read_text())
    assert summary['metrics']['SNA_error'] == metrics['SNA_error']
    rows = {row['measurement']: row for row in summary['by_measurement']}
    assert rows['SNA']['N'] == 2 and rows['SNA']['failed'] == 0
    assert len(summary['by_type']) == 8
    with path.with_suffix('.csv').open() as file:
        table = list(csv.DictReader(file))
    sna = [row for row in table if row['measurement'] == 'SNA']
    assert [row['img_id'] for row in sna] == ['7', '8']
    assert float(sna[0]['predicted']) == pytest.approx(84.534, abs=1e-3)
    assert (sna[0]['truth_type'], sna[0]['predicted_type']) == ('1', '2')
    other = [row for row in table if row['measurement'] == 'IMPA']
    assert other[0]['truth_type'] == ''


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match='SNX'):
        CephalometricMeasurementMetric(measurements=('SNA', 'SNX'))
    with pytest.raises(ValueError, match='dump_file'):
        CephalometricMeasurementMetric(dump_file='x.txt')


def test_a_prediction_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match='Go'):
        evaluate([cephalogram({'Go': (np.nan, 1.0)})])
