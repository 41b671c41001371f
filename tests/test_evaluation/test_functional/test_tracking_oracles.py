# Copyright (c) cape_mm contributors. All rights reserved.
"""Comparison with py-motmetrics and TrackEval on videos full of errors."""

from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional.keypoint_hota import hota, hota_counts
from cape_mm.evaluation.functional.tracked_frames import number_ids
from cape_mm.evaluation.functional.tracking_scores import (
    clear_mot,
    identity_counts,
)

SEEDS = range(6)
THRESHOLD = 0.5


def keypoint_frames(frames, keypoint):
    """Ids and distances of one keypoint, frame by frame."""
    for frame in frames:
        gt, pred = frame.gt_valid[:, keypoint], frame.pred_valid[:, keypoint]
        distances = frame.distances[np.ix_(gt, pred)][..., keypoint]
        yield frame.gt_ids[gt], frame.pred_ids[pred], distances


def trackeval_data(frames, keypoint, similarity_of):
    persons, tracks, distances = zip(*keypoint_frames(frames, keypoint))
    gt_ids, num_gt = number_ids(persons)
    pred_ids, num_pred = number_ids(tracks)
    return dict(
        gt_ids=gt_ids,
        tracker_ids=pred_ids,
        similarity_scores=[similarity_of(part) for part in distances],
        num_gt_ids=num_gt,
        num_tracker_ids=num_pred,
        num_gt_dets=sum(map(len, gt_ids)),
        num_tracker_dets=sum(map(len, pred_ids)),
        num_timesteps=len(frames),
    )


@pytest.mark.parametrize('seed', SEEDS)
def test_clear_mot_and_idf1_of_motmetrics(make_random_frames, seed):
    motmetrics = pytest.importorskip('motmetrics')
    frames = make_random_frames(seed)
    counts = clear_mot(frames, THRESHOLD, first_person_keeps=True)
    identities = identity_counts(frames, THRESHOLD)
    for keypoint in range(3):
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        for persons, tracks, distances in keypoint_frames(frames, keypoint):
            gated = np.where(distances <= THRESHOLD, distances, np.nan)
            accumulator.update(persons, tracks, gated)
        expected = motmetrics.metrics.create().compute(
            accumulator,
            metrics=[
                'num_objects',
                'num_misses',
                'num_false_positives',
                'num_switches',
                'mota',
                'idtp',
                'idfp',
                'idfn',
            ],
            return_dataframe=False,
        )
        assert counts.objects[keypoint] == expected['num_objects']
        assert counts.misses[keypoint] == expected['num_misses']
        assert (
            counts.false_positives[keypoint] == expected['num_false_positives']
        )
        assert counts.switches[keypoint] == expected['num_switches'] > 0
        assert counts.mota[keypoint] == pytest.approx(expected['mota'])
        events = accumulator.mot_events
        matches = events[events.Type.isin(['MATCH', 'SWITCH'])]
        assert counts.distances[keypoint] == pytest.approx(matches.D.sum())
        assert [part[keypoint] for part in identities] == [
            expected[name] for name in ('idtp', 'idfp', 'idfn')
        ]


@pytest.mark.parametrize('seed', SEEDS)
def test_hota_and_idf1_of_trackeval(make_random_frames, seed):
    metrics = pytest.importorskip('trackeval.metrics')
    frames = make_random_frames(seed)
    ours = hota(hota_counts(frames, THRESHOLD, align_tracks=True))
    identities = identity_counts(frames, THRESHOLD).idf1
    for keypoint in range(3):
        data = trackeval_data(
            frames, keypoint, lambda d: np.maximum(1 - d / THRESHOLD, 0)
        )
        expected = metrics.HOTA().eval_sequence(data)
        assert ours['HOTA'][keypoint] == pytest.approx(expected['HOTA'].mean())
        assert ours['DetA'][keypoint] == pytest.approx(expected['DetA'].mean())
        assert ours['AssA'][keypoint] == pytest.approx(expected['AssA'].mean())
        # its threshold is 0.5: at our threshold
        data = trackeval_data(
            frames, keypoint, lambda d: np.maximum(1 - d / THRESHOLD / 2, 0)
        )
        identity = metrics.Identity(dict(PRINT_CONFIG=False))
        expected = identity.eval_sequence(data)
        assert identities[keypoint] == pytest.approx(expected['IDF1'])


def test_clear_mot_of_trackeval_where_the_definitions_agree(make_frames):
    metrics = pytest.importorskip('trackeval.metrics')
    # TrackEval carries over from the last frame only; without gaps and
    # without rivals there is no difference
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(40):
        ids = rng.permutation(4)
        tracks = {
            int(i): 10 * place + rng.uniform(-0.7, 0.7)
            for place, i in enumerate(ids)
        }
        frames += make_frames([{1: 0, 2: 10, 3: 20}], [tracks])
    counts = clear_mot(frames, THRESHOLD)
    data = trackeval_data(
        frames, 0, lambda d: np.maximum(1 - d / THRESHOLD / 2, 0)
    )
    clear = metrics.CLEAR(dict(PRINT_CONFIG=False)).eval_sequence(data)
    assert counts.misses[0] == clear['CLR_FN'] > 0
    assert counts.false_positives[0] == clear['CLR_FP'] > 0
    assert counts.switches[0] == clear['IDSW'] > 0
    assert counts.mota[0] == pytest.approx(clear['MOTA'])
