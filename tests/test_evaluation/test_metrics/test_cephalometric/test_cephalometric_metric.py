# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from mmpose.evaluation.metrics import PCKAccuracy
from support.cephalogram_samples import (
    TRUTH,
    error_cephalogram,
    evaluate_cephalograms,
    make_cephalogram,
    random_cephalograms,
)

from cape_mm.evaluation.metrics import CephalometricMetric
from cape_mm.registry import METRICS


def test_known_answers():
    # 0.5 mm per pixel: 2 mm in one cephalogram, 1 and 6 mm in the other
    cephalograms = [
        error_cephalogram(4, 1),
        error_cephalogram([2] * 9 + [12] * 10, 2),
    ]
    metric = METRICS.build(dict(type='cape_mm.CephalometricMetric'))
    metrics = evaluate_cephalograms(metric, cephalograms)
    mean = (19 * 2 + 9 * 1 + 10 * 6) / 38
    spread = math.sqrt((19 * 2**2 + 9 * 1 + 10 * 6**2) / 38 - mean**2)
    assert metrics['MRE_mm'] == pytest.approx(mean)
    assert metrics['SD_mm'] == pytest.approx(spread, rel=1e-5)
    assert metrics['MRE'] == pytest.approx(2 * mean)
    assert metrics['SD'] == pytest.approx(2 * spread, rel=1e-5)
    for key in ('SDR_2.5mm', 'SDR_3mm', 'SDR_4mm'):
        assert metrics[key] == pytest.approx(100 * 28 / 38)


def test_keys_can_be_part_of_file_names():
    metrics = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict()), random_cephalograms()
    )
    assert list(metrics)[:4] == ['MRE', 'SD', 'MRE_mm', 'SD_mm']
    assert {
        'SDR_2mm', 'SDR_2.5mm', 'SDR_3mm', 'SDR_4mm', 'PCK', 'PCK_S-N',
        'spread_ratio', 'corr', 'skill', 'spread_in_image', 'merged_pairs',
        'edge_share', 'mode_share', 'MRE_low', 'MRE_high', 'MRE_mm_low',
        'MRE_mm_high',
    } <= metrics.keys()  # fmt: skip
    for key, value in metrics.items():
        assert not set(key) & set(' /\\:*?"<>|'), key
        assert isinstance(value, float), key


@pytest.mark.parametrize('strict, rate', [(False, 100), (True, 0)])
def test_an_error_at_the_threshold(strict, rate):
    # exactly 2 mm, without rounding
    predicted = TRUTH + [8.0, 0.0]
    cephalograms = [make_cephalogram(TRUTH, predicted, spacing=(0.25, 0.25))]
    metric = CephalometricMetric(strict=strict)
    assert evaluate_cephalograms(metric, cephalograms)['SDR_2mm'] == rate


def test_each_cephalogram_and_axis_has_its_spacing():
    right, down = TRUTH + [10, 0], TRUTH + [0, 10]
    cephalograms = [
        make_cephalogram(TRUTH, right, number=1, spacing=(0.1, 0.9)),
        make_cephalogram(TRUTH, down, number=2, spacing=(0.9, 0.3)),
    ]
    metrics = evaluate_cephalograms(CephalometricMetric(), cephalograms)
    assert metrics['MRE_mm'] == pytest.approx((1 + 3) / 2)
    assert metrics['MRE'] == pytest.approx(10)


def test_a_wrong_spacing_is_a_factor_in_millimetres_only():
    right = evaluate_cephalograms(CephalometricMetric(), random_cephalograms())
    wrong = evaluate_cephalograms(
        CephalometricMetric(), random_cephalograms(spacing=(1.0, 1.0))
    )
    for key in ('MRE_mm', 'SD_mm'):
        assert wrong[key] == pytest.approx(2 * right[key])
    for key in ('MRE', 'PCK', 'PCK_S-N', 'corr', 'skill', 'spread_ratio'):
        assert wrong[key] == right[key]


@pytest.mark.parametrize(
    'spacing, remedy', [(None, 'annotation file'), ('absent', 'meta_keys')]
)
def test_no_millimetres_if_any_spacing_is_unknown(
    cephalogram_log, spacing, remedy
):
    cephalograms = [
        *random_cephalograms(3),
        error_cephalogram(2, number=77, spacing=spacing),
    ]
    metrics = evaluate_cephalograms(
        CephalometricMetric(bootstrap=dict()), cephalograms
    )
    assert not [key for key in metrics if 'mm' in key]
    assert metrics['MRE'] > 0 and 0 <= metrics['PCK'] <= 1
    assert 'MRE_low' in metrics and 'merged_pairs' in metrics
    ((level, text),) = [
        line for line in cephalogram_log if 'spacing' in line[1]
    ]
    assert level == logging.WARNING
    assert '1 of 4' in text and '77 (images/77.png)' in text
    assert remedy in text


def test_only_labelled_landmarks_count():
    visible = np.ones(19)
    visible[[3, 8]] = 0
    visible[5] = 2  # as MMPose does not give, but other datasets may
    errors = np.full(19, 4.0)
    errors[[3, 8]] = 90
    cephalograms = random_cephalograms(2) + [
        error_cephalogram(errors, 9, visible=visible)
    ]
    metrics = evaluate_cephalograms(CephalometricMetric(), cephalograms)
    errors[[3, 8]] = 0
    others = random_cephalograms(2) + [
        error_cephalogram(errors, 9, visible=visible)
    ]
    assert metrics == evaluate_cephalograms(CephalometricMetric(), others)
    alone = evaluate_cephalograms(CephalometricMetric(), cephalograms[2:])
    assert alone['MRE_mm'] == pytest.approx(2)


def test_pck_is_that_of_mmpose():
    cephalograms = random_cephalograms(5, box=(0, 0, 40, 30))
    cephalograms[2]['gt_instances']['keypoints_visible'][0, :4] = 0
    found = evaluate_cephalograms(CephalometricMetric(), cephalograms)['PCK']
    theirs = PCKAccuracy(thr=0.05, norm_item='bbox')
    theirs.process({}, cephalograms)
    assert 0.1 < found < 0.9
    assert found == pytest.approx(theirs.evaluate(5)['PCK'])


def test_pck_by_the_distance_of_sella_and_nasion(cephalogram_log):
    # S and N are hypot(4, 9) = 9.85 pixels apart: the limit is 0.49
    cephalograms = [
        error_cephalogram([0.48] * 10 + [0.5] * 9, 1),
        error_cephalogram(0.1, 2),
        error_cephalogram(0, 3),
    ]
    cephalograms[2]['gt_instances']['keypoints_visible'][0, 1] = 0
    metrics = evaluate_cephalograms(CephalometricMetric(), cephalograms)
    assert metrics['PCK_S-N'] == pytest.approx((10 + 9 * 0.5) / 19)
    assert metrics['PCK'] == 1
    assert any('leaves out 1 of 3' in text for _, text in cephalogram_log)


def test_a_schema_without_the_reference(cephalogram_log):
    points = np.random.default_rng(0).random((53, 2)) * 90
    cephalograms = [make_cephalogram(points, points)]
    metric = CephalometricMetric()
    metrics = evaluate_cephalograms(metric, cephalograms, 'cl_detection53')
    assert 'PCK_S-N' not in metrics and metrics['PCK'] == 1
    assert any('No PCK_S-N' in text for _, text in cephalogram_log)


def test_pck_can_be_left_to_mmpose():
    metric = CephalometricMetric(pck_threshold=None)
    metrics = evaluate_cephalograms(metric, random_cephalograms())
    assert not [key for key in metrics if key.startswith('PCK')]


def test_peak_is_there_with_scores_only():
    scores = np.linspace(0.1, 0.9, 19)
    found = evaluate_cephalograms(
        CephalometricMetric(), [error_cephalogram(1, scores=scores)]
    )
    assert found['peak'] == pytest.approx(0.5)
    assert 'peak' not in evaluate_cephalograms(
        CephalometricMetric(), [error_cephalogram(1)]
    )


@pytest.mark.parametrize(
    'spacing, gap_px, merged',
    [
        # 1 mm is 2 pixels; without spacing, 0.5 % of the box is 1 pixel
        ((0.5, 0.5), 1.9, 1),
        ((0.5, 0.5), 2.1, 0),
        # neighbours are 9.85 pixels apart, that is less than 4 mm
        ((0.4, 0.4), 1.9, 0),
        (None, 0.9, 1),
        (None, 1.1, 0),
    ],
)
def test_landmarks_fall_together_by_millimetres(spacing, gap_px, merged):
    predicted = TRUTH.copy()
    predicted[1] = TRUTH[0] + [0, gap_px]
    cephalograms = [make_cephalogram(TRUTH, predicted, spacing=spacing)]
    found = evaluate_cephalograms(CephalometricMetric(), cephalograms)[
        'merged_pairs'
    ]
    assert found == pytest.approx(merged / (19 * 18 / 2))


def test_cephalograms_that_do_not_vary_cannot_be_judged():
    metrics = evaluate_cephalograms(
        CephalometricMetric(),
        [error_cephalogram(1, 1), error_cephalogram(2, 2)],
    )
    for key in ('spread_ratio', 'corr', 'skill', 'mode_share'):
        assert math.isnan(metrics[key]), key
    assert metrics['spread_in_image'] == pytest.approx(1)


def test_one_cephalogram_has_no_verdict_but_errors():
    metrics = evaluate_cephalograms(
        CephalometricMetric(), [error_cephalogram(4)]
    )
    assert metrics['MRE_mm'] == pytest.approx(2)
    assert math.isnan(metrics['corr']) and math.isnan(metrics['skill'])


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_is_an_error(bad):
    predicted = TRUTH.copy()
    predicted[10, 1] = bad
    sample = make_cephalogram(TRUTH, predicted, number=42)
    with pytest.raises(
        ValueError, match=r'cephalogram 42 \(images/42.png\).* Go '
    ):
        evaluate_cephalograms(CephalometricMetric(), [sample])


def test_wrong_samples_are_refused():
    metric = CephalometricMetric()
    with pytest.raises(ValueError, match='isbi2015|19'):
        evaluate_cephalograms(metric, [make_cephalogram(TRUTH[:5], TRUTH[:5])])
    with pytest.raises(ValueError, match='spacing'):
        evaluate_cephalograms(
            metric, [error_cephalogram(1, spacing=(0.0, 0.1))]
        )
    with pytest.raises(ValueError, match='labelled'):
        evaluate_cephalograms(
            CephalometricMetric(), [error_cephalogram(1, visible=np.zeros(19))]
        )
    sample = error_cephalogram(1)
    del sample['pred_instances']
    with pytest.raises(ValueError, match='pred_instances'):
        evaluate_cephalograms(metric, [sample])
    metric.dataset_meta = dict(dataset_name='coco')
    with pytest.raises(ValueError, match='CephalometricDataset'):
        metric.process({}, [error_cephalogram(1)])


@pytest.mark.parametrize(
    'options',
    [
        dict(bootstrap=dict(unit='episode')),
        dict(dump_file='result.csv'),
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match='bootstrap|dump_file'):
        CephalometricMetric(**options)
