# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.cephalogram_samples import (
    TRUTH,
    evaluate_cephalograms,
    make_cephalogram,
    random_cephalograms,
)
from support.golden_face import place

from cape_mm.errors import DataError
from cape_mm.evaluation.metrics import CephalometricMetric
from cape_mm.structures import get_schema

CODES = get_schema('document19').codes


def write_training_file(path, schema='document19', points=TRUTH, order=None):
    names = list(get_schema(schema).names)
    keypoints = np.column_stack([points, np.full(len(points), 2)])
    order = range(len(points)) if order is None else order
    content = dict(
        info=dict(schema=schema),
        images=[dict(id=1, width=400, height=600)],
        annotations=[
            # twice as large as the cephalograms, and not at the origin
            dict(
                image_id=1,
                bbox=[10, 20, 200, 400],
                keypoints=[
                    float(value)
                    for index in order
                    for value in (
                        2 * keypoints[index, 0] + 10,
                        2 * keypoints[index, 1] + 20,
                        keypoints[index, 2],
                    )
                ],
            )
        ],
        categories=[dict(keypoints=[names[index] for index in order])],
    )
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize('order', [None, np.random.RandomState(1).permutation])
def test_skill_is_against_the_mean_shape_of_the_training_data(tmp_path, order):
    order = order and order(19)
    path = write_training_file(tmp_path / 'train.json', order=order)
    away = np.array([3.0, 4.0])
    cephalograms = [
        make_cephalogram(TRUTH + away, TRUTH + away * share, number=number)
        for number, share in enumerate((0.5, 0.7))
    ]
    metric = CephalometricMetric(train_ann_file=path)
    found = evaluate_cephalograms(metric, cephalograms)
    assert found['skill'] == pytest.approx(1 - 4 * 0.5 / 5, rel=1e-5)


def test_training_file_of_another_schema(tmp_path):
    other = get_schema('cephalogram23').codes
    points = np.full((23, 2), 1.0)
    for index, code in enumerate(other):
        if code in CODES:
            points[index] = TRUTH[CODES.index(code)]
    path = write_training_file(
        tmp_path / 'train.json', 'cephalogram23', points
    )
    cephalograms = [
        make_cephalogram(TRUTH + 2, TRUTH, number=n) for n in range(2)
    ]
    metric = CephalometricMetric(train_ann_file=path)
    found = evaluate_cephalograms(metric, cephalograms)['skill']
    assert found == pytest.approx(0, abs=1e-6)
    with pytest.raises(DataError, match='lacks .*Po'):
        path = write_training_file(tmp_path / 'train.json')
        metric = CephalometricMetric(train_ann_file=path)
        cephalograms = [make_cephalogram(*[place('isbi2015')[0]] * 2)]
        evaluate_cephalograms(metric, cephalograms, 'isbi2015')


def test_skill_without_training_file_says_so(cephalogram_log):
    metrics = evaluate_cephalograms(
        CephalometricMetric(), random_cephalograms()
    )
    assert metrics['skill'] > 0
    assert any(
        'the evaluated cephalograms' in text for _, text in cephalogram_log
    )


def test_a_missing_training_file_is_noticed_at_the_first_cephalogram():
    metric = CephalometricMetric(train_ann_file='nowhere/train.json')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        evaluate_cephalograms(metric, random_cephalograms())
