# Copyright (c) cape_mm contributors. All rights reserved.
import csv
import json
import logging
import math
import pickle

import numpy as np
import pytest
from film_samples import evaluate_films, make_film
from golden_face import place
from mmpose.evaluation.metrics import PCKAccuracy

from cape_mm.evaluation.metrics import (
    CephalometricMetric,
    cephalometric_metric,
    landmark_scorer,
)
from cape_mm.registry import METRICS
from cape_mm.structures import get_schema

CODES = get_schema('document19').codes
TRUTH = np.stack([np.arange(19) * 4.0 + 10, np.arange(19) * 9.0 + 12], 1)


def film(errors, number=1, **options):
    """A film with given errors in pixels along (0.6, 0.8)."""
    errors = np.broadcast_to(np.asarray(errors, float), 19)
    predicted = TRUTH + np.outer(errors, [0.6, 0.8])
    return make_film(TRUTH, predicted, number=number, **options)


def random_films(count=6, seed=0, **options):
    rng = np.random.default_rng(seed)
    films = []
    for number in range(count):
        truth = TRUTH + rng.normal(0, 3, 2) + rng.normal(0, 2, (19, 2))
        predicted = truth + rng.normal(0, 2, (19, 2))
        films.append(make_film(truth, predicted, number=number, **options))
    return films


@pytest.fixture
def logged(monkeypatch):
    lines = []

    def collect(text, logger=None, level=logging.INFO):
        lines.append((level, text))

    monkeypatch.setattr(cephalometric_metric, 'print_log', collect)
    monkeypatch.setattr(landmark_scorer, 'print_log', collect)
    return lines


def test_known_answers():
    # 0.5 mm per pixel: 2 mm in one film, 1 and 6 mm in the other
    films = [film(4, 1), film([2] * 9 + [12] * 10, 2)]
    metric = METRICS.build(dict(type='cape_mm.CephalometricMetric'))
    metrics = evaluate_films(metric, films)
    mean = (19 * 2 + 9 * 1 + 10 * 6) / 38
    spread = math.sqrt((19 * 2**2 + 9 * 1 + 10 * 6**2) / 38 - mean**2)
    assert metrics['MRE_mm'] == pytest.approx(mean)
    assert metrics['SD_mm'] == pytest.approx(spread, rel=1e-5)
    assert metrics['MRE'] == pytest.approx(2 * mean)
    assert metrics['SD'] == pytest.approx(2 * spread, rel=1e-5)
    for key in ('SDR_2.5mm', 'SDR_3mm', 'SDR_4mm'):
        assert metrics[key] == pytest.approx(100 * 28 / 38)


def test_keys_can_be_part_of_file_names():
    metrics = evaluate_films(
        CephalometricMetric(bootstrap=dict()), random_films()
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
    films = [make_film(TRUTH, predicted, spacing=(0.25, 0.25))]
    metric = CephalometricMetric(strict=strict)
    assert evaluate_films(metric, films)['SDR_2mm'] == rate


def test_each_film_and_axis_has_its_spacing():
    right, down = TRUTH + [10, 0], TRUTH + [0, 10]
    films = [
        make_film(TRUTH, right, number=1, spacing=(0.1, 0.9)),
        make_film(TRUTH, down, number=2, spacing=(0.9, 0.3)),
    ]
    metrics = evaluate_films(CephalometricMetric(), films)
    assert metrics['MRE_mm'] == pytest.approx((1 + 3) / 2)
    assert metrics['MRE'] == pytest.approx(10)


def test_a_wrong_spacing_is_a_factor_in_millimetres_only():
    right = evaluate_films(CephalometricMetric(), random_films())
    wrong = evaluate_films(
        CephalometricMetric(), random_films(spacing=(1.0, 1.0))
    )
    for key in ('MRE_mm', 'SD_mm'):
        assert wrong[key] == pytest.approx(2 * right[key])
    for key in ('MRE', 'PCK', 'PCK_S-N', 'corr', 'skill', 'spread_ratio'):
        assert wrong[key] == right[key]


@pytest.mark.parametrize(
    'spacing, remedy', [(None, 'annotation file'), ('absent', 'meta_keys')]
)
def test_no_millimetres_if_any_spacing_is_unknown(logged, spacing, remedy):
    films = [*random_films(3), film(2, number=77, spacing=spacing)]
    metrics = evaluate_films(CephalometricMetric(bootstrap=dict()), films)
    assert not [key for key in metrics if 'mm' in key]
    assert metrics['MRE'] > 0 and 0 <= metrics['PCK'] <= 1
    assert 'MRE_low' in metrics and 'merged_pairs' in metrics
    ((level, text),) = [line for line in logged if 'spacing' in line[1]]
    assert level == logging.WARNING
    assert '1 of 4' in text and '77 (images/77.png)' in text
    assert remedy in text


def test_only_labelled_landmarks_count():
    visible = np.ones(19)
    visible[[3, 8]] = 0
    visible[5] = 2  # as MMPose does not give, but other data sets may
    errors = np.full(19, 4.0)
    errors[[3, 8]] = 90
    films = random_films(2) + [film(errors, 9, visible=visible)]
    metrics = evaluate_films(CephalometricMetric(), films)
    errors[[3, 8]] = 0
    others = random_films(2) + [film(errors, 9, visible=visible)]
    assert metrics == evaluate_films(CephalometricMetric(), others)
    alone = evaluate_films(CephalometricMetric(), films[2:])
    assert alone['MRE_mm'] == pytest.approx(2)


def test_pck_is_that_of_mmpose():
    films = random_films(5, box=(0, 0, 40, 30))
    films[2]['gt_instances']['keypoints_visible'][0, :4] = 0
    found = evaluate_films(CephalometricMetric(), films)['PCK']
    theirs = PCKAccuracy(thr=0.05, norm_item='bbox')
    theirs.process({}, films)
    assert 0.1 < found < 0.9
    assert found == pytest.approx(theirs.evaluate(5)['PCK'])


def test_pck_by_the_distance_of_sella_and_nasion(logged):
    # S and N are hypot(4, 9) = 9.85 pixels apart: the limit is 0.49
    films = [film([0.48] * 10 + [0.5] * 9, 1), film(0.1, 2), film(0, 3)]
    films[2]['gt_instances']['keypoints_visible'][0, 1] = 0
    metrics = evaluate_films(CephalometricMetric(), films)
    assert metrics['PCK_S-N'] == pytest.approx((10 + 9 * 0.5) / 19)
    assert metrics['PCK'] == 1
    assert any('leaves out 1 of 3' in text for _, text in logged)


def test_a_schema_without_the_reference(logged):
    points = np.random.default_rng(0).random((53, 2)) * 90
    films = [make_film(points, points)]
    metric = CephalometricMetric()
    metrics = evaluate_films(metric, films, 'cl_detection53')
    assert 'PCK_S-N' not in metrics and metrics['PCK'] == 1
    assert any('No PCK_S-N' in text for _, text in logged)


def test_pck_can_be_left_to_mmpose():
    metric = CephalometricMetric(pck_threshold=None)
    metrics = evaluate_films(metric, random_films())
    assert not [key for key in metrics if key.startswith('PCK')]


def write_training_file(path, schema='document19', points=TRUTH, order=None):
    names = list(get_schema(schema).names)
    keypoints = np.column_stack([points, np.full(len(points), 2)])
    order = range(len(points)) if order is None else order
    content = dict(
        info=dict(schema=schema),
        images=[dict(id=1)],
        annotations=[
            # twice as large as the films, and not at the origin
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
    films = [
        make_film(TRUTH + away, TRUTH + away * share, number=number)
        for number, share in enumerate((0.5, 0.7))
    ]
    metric = CephalometricMetric(train_ann_file=path)
    found = evaluate_films(metric, films)
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
    films = [make_film(TRUTH + 2, TRUTH, number=n) for n in range(2)]
    metric = CephalometricMetric(train_ann_file=path)
    found = evaluate_films(metric, films)['skill']
    assert found == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match='lacks .*Po'):
        path = write_training_file(tmp_path / 'train.json')
        metric = CephalometricMetric(train_ann_file=path)
        films = [make_film(*[place('isbi2015')[0]] * 2)]
        evaluate_films(metric, films, 'isbi2015')


def test_skill_without_training_file_says_so(logged):
    metrics = evaluate_films(CephalometricMetric(), random_films())
    assert metrics['skill'] > 0
    assert any('the evaluated films' in text for _, text in logged)


def test_a_missing_training_file_is_noticed_at_the_first_film():
    metric = CephalometricMetric(train_ann_file='nowhere/train.json')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        evaluate_films(metric, random_films())


def test_peak_is_there_with_scores_only():
    scores = np.linspace(0.1, 0.9, 19)
    found = evaluate_films(CephalometricMetric(), [film(1, scores=scores)])
    assert found['peak'] == pytest.approx(0.5)
    assert 'peak' not in evaluate_films(CephalometricMetric(), [film(1)])


def test_films_that_do_not_vary_cannot_be_judged():
    metrics = evaluate_films(CephalometricMetric(), [film(1, 1), film(2, 2)])
    for key in ('spread_ratio', 'corr', 'skill', 'mode_share'):
        assert math.isnan(metrics[key]), key
    assert metrics['spread_in_image'] == pytest.approx(1)


def test_one_film_has_no_verdict_but_errors():
    metrics = evaluate_films(CephalometricMetric(), [film(4)])
    assert metrics['MRE_mm'] == pytest.approx(2)
    assert math.isnan(metrics['corr']) and math.isnan(metrics['skill'])


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_is_an_error(bad):
    predicted = TRUTH.copy()
    predicted[10, 1] = bad
    sample = make_film(TRUTH, predicted, number=42)
    with pytest.raises(ValueError, match=r'film 42 \(images/42.png\).* Go '):
        evaluate_films(CephalometricMetric(), [sample])


def test_wrong_samples_are_refused():
    metric = CephalometricMetric()
    with pytest.raises(ValueError, match='isbi2015|19'):
        evaluate_films(metric, [make_film(TRUTH[:5], TRUTH[:5])])
    with pytest.raises(ValueError, match='spacing'):
        evaluate_films(metric, [film(1, spacing=(0.0, 0.1))])
    with pytest.raises(ValueError, match='labelled'):
        evaluate_films(CephalometricMetric(), [film(1, visible=np.zeros(19))])
    sample = film(1)
    del sample['pred_instances']
    with pytest.raises(ValueError, match='pred_instances'):
        evaluate_films(metric, [sample])
    metric.dataset_meta = dict(dataset_name='coco')
    with pytest.raises(ValueError, match='CephalometricDataset'):
        metric.process({}, [film(1)])


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


def test_interval_draws_whole_films():
    films = random_films(8)
    first = evaluate_films(CephalometricMetric(bootstrap=dict()), films)
    again = evaluate_films(CephalometricMetric(bootstrap=dict()), films)
    assert first == again
    other = evaluate_films(CephalometricMetric(bootstrap=dict(seed=1)), films)
    assert other['MRE_mm_low'] != first['MRE_mm_low']
    assert first['MRE_mm_low'] < first['MRE_mm'] < first['MRE_mm_high']
    # all landmarks of a film go together: with one value per film, the
    # interval is that of two values
    films = [film(2, 1), film(6, 2)]
    ends = evaluate_films(CephalometricMetric(bootstrap=dict()), films)
    assert ends['MRE_mm_low'] == pytest.approx(1)
    assert ends['MRE_mm_high'] == pytest.approx(3)


def test_tables_by_landmark_and_device(logged):
    films = [
        film(2, 1, device='Kodak'),
        film(6, 2, device='Kodak'),
        film(20, 3, device='Sirona'),
    ]
    evaluate_films(CephalometricMetric(), films)
    tables = [text for _, text in logged]
    (landmarks,) = [t for t in tables if 'by landmark' in t]
    row = [line for line in landmarks.splitlines() if line.startswith('Go ')]
    assert row[0].split()[:3] == ['Go', '3', f'{14 / 3:.4f}']
    (devices,) = [t for t in tables if 'by device' in t]
    rows = {r.split()[0]: r.split() for r in devices.splitlines()[3:]}
    assert rows['Kodak'][1:4] == ['2', '38', '2.0000']
    assert rows['Sirona'][3] == '10.0000'
    (worst,) = [t for t in tables if 'largest errors' in t]
    assert '3 images/3.png' in worst.splitlines()[3]


def test_device_table_is_for_films_that_name_theirs(logged):
    evaluate_films(CephalometricMetric(), random_films(3))
    assert not [text for _, text in logged if 'by device' in text]


def test_files_hold_everything(tmp_path):
    path = tmp_path / 'sub' / 'result.json'
    films = [film(4, 11, device='X'), film([8] + [2] * 18, 12)]
    films[0]['gt_instances']['keypoints_visible'][0, 1] = 0
    metric = CephalometricMetric(dump_file=str(path), bootstrap=dict())
    metrics = evaluate_films(metric, films)

    summary = json.loads(path.read_text())
    for key, value in summary['metrics'].items():
        if math.isnan(metrics[key]):
            assert value is None
        else:
            assert value == pytest.approx(metrics[key])
    assert summary['settings']['schema'] == 'document19'
    assert summary['films'] == 2 and summary['landmarks'] == 37
    assert summary['films_without_spacing'] == []
    assert [row['landmark'] for row in summary['by_landmark']] == list(CODES)
    assert summary['by_landmark'][1]['N'] == 1
    assert summary['by_film'][0]['img_id'] == 11
    assert summary['by_film'][1]['worst_landmark'] == 'S'
    assert summary['by_film'][1]['max'] == pytest.approx(4)
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
    evaluate_films(metric, [film(4, 5), film(4, 6, spacing=None)])
    summary = json.loads(path.read_text())
    assert summary['films_without_spacing'] == [6] and summary['unit'] == 'px'
    with path.with_suffix('.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]['error_mm']) == pytest.approx(2)
    assert rows[19]['error_mm'] == ''


def test_results_can_go_to_another_process():
    metric = CephalometricMetric()
    whole = evaluate_films(metric, random_films(4))
    metric.dataset_meta = dict(schema='document19')
    metric.process({}, random_films(4))
    metric.results = pickle.loads(pickle.dumps(metric.results))
    assert metric.evaluate(4) == whole


def test_a_repeated_film_at_the_end_is_cut():
    films = random_films(5)
    metric = CephalometricMetric()
    metric.dataset_meta = dict(schema='document19')
    metric.process({}, [*films, films[0]])
    assert metric.evaluate(5) == evaluate_films(CephalometricMetric(), films)
