# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import math
import pickle

import numpy as np
import pytest

from cape_mm.evaluation.metrics import EpisodePCK
from cape_mm.registry import METRICS


def test_keys_have_no_prefix_and_name_other_thresholds(make_episode, evaluate):
    metric = METRICS.build(
        dict(type='cape_mm.EpisodePCK', thresholds=(0.2, 0.05))
    )
    # the longer side is 100
    metrics = evaluate(metric, make_episode([[0, 6, 19.9, 30]]))
    assert metrics == {'PCK': 0.75, 'PCK@0.05': 0.25}


def test_all_thresholds_and_extras(make_episode, evaluate):
    metric = EpisodePCK(extras=('mPCK', 'NME', 'EPE', 'AUC'))
    metrics = evaluate(metric, make_episode([[0, 12]]))
    assert metrics['PCK'] == metrics['PCK@0.25'] == metrics['PCK@0.15'] == 1
    assert metrics['PCK@0.1'] == metrics['PCK@0.05'] == 0.5
    assert metrics['mPCK'] == pytest.approx(0.8)
    assert metrics['NME'] == pytest.approx(0.06)
    assert metrics['EPE'] == pytest.approx(6)
    # 19 and 17 of the 20 thresholds
    assert metrics['AUC'] == pytest.approx((0.95 + 0.85) / 2)


def test_pck_is_there_without_its_threshold(make_episode, evaluate):
    metric = EpisodePCK(thresholds=(0.1,))
    metrics = evaluate(metric, make_episode([[0, 12]]))
    assert metrics == {'PCK': 1.0, 'PCK@0.1': 0.5}


@pytest.mark.parametrize('error, pck', [(19.99, 1.0), (20.01, 0.0)])
def test_threshold_is_of_the_longer_side(make_episode, evaluate, error, pck):
    for box in ((0, 0, 100, 60), (0, 0, 60, 100)):
        episode = make_episode([[error]], bbox=box)
        assert evaluate(EpisodePCK(), episode)['PCK'] == pck


def test_an_error_at_the_threshold_is_wrong(make_episode, evaluate):
    episode = make_episode([[0.0]])
    query = episode['queries'][0]
    query.pred_instances.keypoints = query.gt_instances.keypoints + [[[20, 0]]]
    assert evaluate(EpisodePCK(), episode)['PCK'] == 0


def test_normalizer_is_the_cleaned_box(write_mp100_box, make_episode):
    bbox = write_mp100_box([10, 10, 101, 61], image=(90, 200))
    metric = EpisodePCK()
    metric.process({}, [make_episode([[1.0]], bbox=bbox)])
    # cut at the image's border: x from 10 to 89; 60 high
    assert metric.results[0][0]['normalizer_px'] == 79


@pytest.fixture
def write_mp100_box():
    from cape_mm.datasets.formats.mp100.annotation_file import clean_box

    def clean(bbox, image):
        return clean_box(bbox, *image)[0]

    return clean


def test_a_keypoint_must_be_labelled_in_query_and_all_supports(
    make_episode, evaluate
):
    supports = [[1, 1, 1, 1, 1]] * 4 + [[1, 1, 1, 0, 1]]
    episode = make_episode(
        [[0, 50, 0, 50, 50]],
        visible=[[1, 1, 1, 1, 0]],
        support_visible=supports,
    )
    assert evaluate(EpisodePCK(), episode)['PCK'] == pytest.approx(2 / 3)


def test_mean_over_pairs_is_not_mean_over_keypoints(make_episode, evaluate):
    episodes = [
        make_episode([[0]], category_id=1),
        make_episode([[50, 50, 50]], category_id=2),
    ]
    assert evaluate(EpisodePCK(), *episodes)['PCK'] == 0.5


def test_every_query_of_an_episode_is_a_pair(make_episode, evaluate):
    episodes = [make_episode([[0, 0], [0, 50], [50, 50]])]
    assert evaluate(EpisodePCK(), *episodes)['PCK'] == 0.5


@pytest.mark.parametrize(
    'empty_pair, pck, nme', [('zero', 0.5, 0.005), ('skip', 1.0, 0.01)]
)
def test_empty_pairs_count_zero_or_nothing_and_are_reported(
    make_episode, evaluate, logged, empty_pair, pck, nme
):
    metric = EpisodePCK(empty_pair=empty_pair, extras=('NME',))
    episode = make_episode([[1, 1], [1, 1]], visible=[[1, 0], [0, 0]])
    metrics = evaluate(metric, episode)
    assert metrics['PCK'] == pck
    assert metrics['NME'] == pytest.approx(nme)
    warnings = [text for level, text in logged if level == logging.WARNING]
    assert len(warnings) == 1
    assert '1 of 2 pairs' in warnings[0]


def test_prediction_that_is_not_finite_is_named(make_episode, evaluate):
    episode = make_episode([[1, 1, 1]], visible=[[1, 1, 0]])
    keypoints = episode['queries'][0].pred_instances.keypoints
    keypoints[0, 2] = np.nan  # unlabelled
    assert evaluate(EpisodePCK(), episode)['PCK'] == 1
    keypoints[0, 1] = np.nan
    with pytest.raises(ValueError, match='the prediction of .*1 is not fin'):
        evaluate(EpisodePCK(), episode)


def test_only_empty_pairs(make_episode, evaluate):
    episode = make_episode([[1, 1]], visible=[[0, 0]])
    assert evaluate(EpisodePCK(), episode)['PCK'] == 0
    skipping = evaluate(EpisodePCK(empty_pair='skip'), episode)
    assert math.isnan(skipping['PCK'])


def test_pck_does_not_change_with_the_size_of_the_image(
    make_episode, evaluate
):
    errors = [[0, 3, 7, 12, 18, 22, 40]]
    one, other = (
        evaluate(EpisodePCK(), make_episode(errors, scale=scale))
        for scale in (1.0, 0.37)
    )
    assert one == other


def test_one_plain_result_per_episode(make_episode):
    metric = EpisodePCK(extras=('EPE',))
    episode = make_episode([[1, 2], [3, 4]], category_id=5)
    metric.process({}, [episode, episode])
    assert len(metric.results) == 2
    pairs = metric.results[0]
    for pair in pairs:
        assert [pair[key] for key in ('seed', 'epoch', 'episode')] == [0] * 3
        assert (pair['category_id'], pair['query_id']) == (5, 7)
        assert pair['num_valid'] == 2
    assert [pair['EPE'] for pair in pairs] == pytest.approx([1.5, 3.5])
    assert pickle.loads(pickle.dumps(metric.results)) == metric.results


def test_padding_of_the_last_batch_is_cut_by_episodes(make_episode):
    metric = EpisodePCK()
    good, bad = make_episode([[0], [0]]), make_episode([[50], [50]])
    metric.process({}, [good, bad])
    # MMEngine knows that only the first one belongs to the dataset.
    assert metric.evaluate(1)['PCK'] == 1.0


def test_predictions_may_be_tensors(make_episode, evaluate):
    torch = pytest.importorskip('torch')
    episode = make_episode([[0, 30]])
    query = episode['queries'][0]
    query.pred_instances.keypoints = torch.from_numpy(
        np.asarray(query.pred_instances.keypoints)
    )
    assert evaluate(EpisodePCK(), episode)['PCK'] == 0.5


def test_missing_predictions_are_an_error(make_episode):
    episode = make_episode([dict(pred_instances=[0])])
    del episode['queries'][0].pred_instances
    with pytest.raises(ValueError, match='a/b.jpg has no pred_instances'):
        EpisodePCK().process({}, [episode])


def test_wrong_options_are_errors():
    with pytest.raises(ValueError, match='OKS'):
        EpisodePCK(extras=('OKS',))
    with pytest.raises(ValueError, match='empty_pair'):
        EpisodePCK(empty_pair='drop')
    with pytest.raises(ValueError, match='pair'):
        EpisodePCK(bootstrap=dict(unit='pair'))
    with pytest.raises(ValueError, match='result.txt'):
        EpisodePCK(dump_file='result.txt')
