# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json
import math
import pickle

import numpy as np
import pytest
from support.cephalogram_samples import (
    error_cephalogram,
    evaluate_cephalograms,
    random_cephalograms,
)

from cape_mm.evaluation.metrics import CephalometricMetric
from cape_mm.structures import get_schema

CODES = get_schema('document19').codes


def test_tables_by_landmark_and_device(cephalogram_log):
    cephalograms = [
        error_cephalogram(2, 1, device='Kodak'),
        error_cephalogram(6, 2, device='Kodak'),
        error_cephalogram(20, 3, device='Sirona'),
    ]
    evaluate_cephalograms(CephalometricMetric(), cephalograms)
    tables = [text for _, text in cephalogram_log]
    (landmarks,) = [t for t in tables if 'by landmark' in t]
    row = [line for line in landmarks.splitlines() if line.startswith('Go ')]
    assert row[0].split()[:3] == ['Go', '3', f'{14 / 3:.4f}']
    (devices,) = [t for t in tables if 'by device' in t]
    rows = {r.split()[0]: r.split() for r in devices.splitlines()[3:]}
    assert rows['Kodak'][1:4] == ['2', '38', '2.0000']
    assert rows['Sirona'][3] == '10.0000'
    (worst,) = [t for t in tables if 'largest errors' in t]
    assert '3 images/3.png' in worst.splitlines()[3]


def test_landmarks_that_do_not_follow_the_image_are_named(cephalogram_log):
    cephalograms = random_cephalograms(12)
    evaluate_cephalograms(CephalometricMetric(), cephalograms)
    assert not [text for _, text in cephalogram_log if 'Spread over' in text]
    still, wild = ('S', 'N', 'Go', 'Me', 'Gn'), 'B'
    for cephalogram in cephalograms:
        truth = cephalogram['gt_instances']['keypoints'][0]
        points = cephalogram['pred_instances']['keypoints'][0]
        for code in still:
            points[CODES.index(code)] = 50
        points[CODES.index('Me')] += 0.3 * truth[CODES.index('Me')]
        points[CODES.index(wild)] *= 9
    metrics = evaluate_cephalograms(CephalometricMetric(), cephalograms)
    # the median hides it
    assert 0.5 < metrics['spread_ratio'] < 2
    (text,) = [text for _, text in cephalogram_log if 'Spread over' in text]
    assert '6 of 19 landmarks: ' in text
    named = text.split('landmarks: ')[1].split(', ')
    assert [n.split()[0] for n in named] == ['S', 'N', 'Go', 'Gn', 'B', '...']
    assert named[0] == 'S 0.00'


def test_device_table_is_for_cephalograms_that_name_theirs(cephalogram_log):
    evaluate_cephalograms(CephalometricMetric(), random_cephalograms(3))
    assert not [text for _, text in cephalogram_log if 'by device' in text]


def test_files_hold_everything(tmp_path):
    path = tmp_path / 'sub' / 'result.json'
    cephalograms = [
        error_cephalogram(4, 11, device='X'),
        error_cephalogram([8] + [2] * 18, 12),
    ]
    cephalograms[0]['gt_instances']['keypoints_visible'][0, 1] = 0
    metric = CephalometricMetric(dump_file=str(path), bootstrap=dict())
    metrics = evaluate_cephalograms(metric, cephalograms)

    summary = json.loads(path.read_text())
    for key, value in summary['metrics'].items():
        if math.isnan(metrics[key]):
            assert value is None
        else:
            assert value == pytest.approx(metrics[key])
    assert summary['settings']['schema'] == 'document19'
    assert summary['cephalograms'] == 2 and summary['landmarks'] == 37
    assert summary['cephalograms_without_spacing'] == []
    assert [row['landmark'] for row in summary['by_landmark']] == list(CODES)
    assert summary['by_landmark'][1]['N'] == 1
    # the truth is the same on both cephalograms
    assert summary['by_landmark'][0]['spread_ratio'] is None
    assert summary['by_cephalogram'][0]['img_id'] == 11
    assert summary['by_cephalogram'][1]['worst_landmark'] == 'S'
    assert summary['by_cephalogram'][1]['max'] == pytest.approx(4)
    assert {row['device'] for row in summary['by_device']} == {'', 'X'}
    assert summary['intervals'].keys() >= {'MRE_mm', 'SDR_2mm'}

    with path.with_suffix('.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 38
    errors = [float(r['error_mm']) for r in rows if r['labelled'] == '1']
    assert np.mean(errors) == pytest.approx(metrics['MRE_mm'])
    assert rows[1]['labelled'] == '0' and rows[1]['error_px'] == ''
    assert rows[19]['img_id'] == '12' and rows[19]['landmark'] == 'S'
    assert float(rows[19]['error_px']) == pytest.approx(8)


def test_files_without_spacing_have_no_millimetres(tmp_path):
    path = tmp_path / 'result.json'
    metric = CephalometricMetric(dump_file=str(path))
    evaluate_cephalograms(
        metric,
        [error_cephalogram(4, 5), error_cephalogram(4, 6, spacing=None)],
    )
    summary = json.loads(path.read_text())
    assert (
        summary['cephalograms_without_spacing'] == [6]
        and summary['unit'] == 'px'
    )
    with path.with_suffix('.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]['error_mm']) == pytest.approx(2)
    assert rows[19]['error_mm'] == ''


def test_results_can_go_to_another_process():
    metric = CephalometricMetric()
    whole = evaluate_cephalograms(metric, random_cephalograms(4))
    metric.dataset_meta = dict(schema='document19')
    metric.process({}, random_cephalograms(4))
    metric.results = pickle.loads(pickle.dumps(metric.results))
    assert metric.evaluate(4) == whole


def test_a_repeated_cephalogram_at_the_end_is_cut():
    cephalograms = random_cephalograms(5)
    metric = CephalometricMetric()
    metric.dataset_meta = dict(schema='document19')
    metric.process({}, [*cephalograms, cephalograms[0]])
    assert metric.evaluate(5) == evaluate_cephalograms(
        CephalometricMetric(), cephalograms
    )


def test_interval_draws_whole_cephalograms():
    cephalograms = random_cephalograms(8)
    first = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict()), cephalograms
    )
    again = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict()), cephalograms
    )
    assert first == again
    other = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict(seed=1)), cephalograms
    )
    assert other['MRE_mm_low'] != first['MRE_mm_low']
    assert first['MRE_mm_low'] < first['MRE_mm'] < first['MRE_mm_high']
    # all landmarks of a cephalogram go together: with one value per
    # cephalogram, the interval is that of two values
    cephalograms = [error_cephalogram(2, 1), error_cephalogram(6, 2)]
    ends = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict()), cephalograms
    )
    assert ends['MRE_mm_low'] == pytest.approx(1)
    assert ends['MRE_mm_high'] == pytest.approx(3)
