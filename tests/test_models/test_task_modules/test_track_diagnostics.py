# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
import torch

from cape_mm.models.layers.pavenet.pose_queries import (
    DecodedQueries,
    PosePrediction,
)
from cape_mm.models.task_modules.clip_targets import ClipTargets
from cape_mm.models.task_modules.track_diagnostics import (
    TRACK_DIAGNOSTICS,
    mean_diagnostics,
    window_diagnostics,
)


def persons(positions, ids, visible=None):
    """Both keypoints of person n at (positions[n], positions[n])."""
    count = max(len(positions), 1)
    points, labelled = torch.zeros(1, count, 2, 2), torch.zeros(1, count, 2)
    track_ids = torch.full((1, count), -1)
    if positions:
        points[:] = torch.tensor(positions)[:, None, None]
        labelled[:] = 1 if visible is None else torch.tensor(visible)
        track_ids[0] = torch.tensor(ids)
    return dict(keypoints=points, visible=labelled > 0, track_ids=track_ids)


def window(positions, gt_inds, query_ids, is_track, people, logits=None):
    count = len(positions)
    logits = [0.0] * count if logits is None else logits
    return dict(
        people,
        poses=torch.tensor(positions)[:, None, None].repeat(1, 2, 2)[None],
        logits=torch.tensor(logits)[None],
        gt_inds=torch.tensor(gt_inds)[None],
        query_ids=torch.tensor(query_ids)[None],
        is_track=torch.tensor(is_track)[None],
    )


def track_diagnostics(windows, **options):
    return mean_diagnostics([diagnose(w, **options) for w in windows])


def diagnose(values, **options):
    names = ('keypoints', 'visible', 'track_ids')
    labels = dict.fromkeys(ClipTargets._fields)
    labels.update((name, values[name]) for name in names)
    poses = values['poses'][:, :, None]
    queries = DecodedQueries(
        content=None,
        layers=[PosePrediction(poses, sigma=None, logits=values['logits'])],
        valid=values['gt_inds'] >= 0,
        is_track=values['is_track'],
        query_ids=values['query_ids'],
    )
    return window_diagnostics(
        queries, values['gt_inds'], ClipTargets(**labels), **options
    )


def mixed():
    """Three tracks, one of them without person, and three detections."""
    return window(
        positions=[0.3, 0.5, 0.9, 0.71, 0.1, 0.2],
        gt_inds=[1, 2, 0, 3, 0, 0],
        query_ids=[11, 22, -1, -1, -1, -1],
        is_track=[True, True, True, False, False, False],
        people=persons([0.2, 0.5, 0.7], [11, 22, 33]),
    )


def known(values):
    return {key: value.item() for key, value in values.items()}


def test_known_answers():
    half = math.log(2) / 4  # focal part of a logit 0
    assert known(track_diagnostics([mixed()])) == pytest.approx(
        dict(
            trk_kpt_l1=0.05,
            det_kpt_l1=0.01,
            n_trk=3,
            n_trk_pos=2,
            n_det_pos=1,
            trk_id_con=1.0,
            trk_cls_val=half * (2 * 0.25 + 0.75) / 3,
            det_cls_val=half * (0.25 + 2 * 0.75) / 3,
        ),
        abs=1e-6,
    )


def test_keys_are_not_summed_into_the_loss():
    values = track_diagnostics([mixed()])
    assert tuple(values) == TRACK_DIAGNOSTICS
    assert not any('loss' in key for key in values)
    for value in values.values():
        assert value.shape == () and not value.requires_grad


def test_without_tracks_only_what_has_a_denominator_is_there():
    alone = window(
        [0.3, 0.5], [1, 0], [-1, -1], [False, False], persons([0.2], [11])
    )
    assert known(track_diagnostics([alone])) == pytest.approx(
        dict(
            det_kpt_l1=0.1,
            n_trk=0,
            n_trk_pos=0,
            n_det_pos=1,
            det_cls_val=math.log(2) / 4 * (0.25 + 0.75) / 2,
        )
    )


def test_without_persons_there_is_no_distance_and_no_consistency():
    empty = window([0.3, 0.5], [0, 0], [5, -1], [True, False], persons([], []))
    assert set(track_diagnostics([empty])) == {
        'n_trk',
        'n_trk_pos',
        'n_det_pos',
        'trk_cls_val',
        'det_cls_val',
    }


def test_tracks_of_persons_who_left_do_not_lower_the_consistency():
    left = window(
        [0.2, 0.5, 0.6],
        [1, 0, 0],
        [11, 22, -1],
        [True, True, True],
        persons([0.2, 0.6], [11, 44]),
    )
    assert known(track_diagnostics([left]))['trk_id_con'] == 1.0


def test_consistency_counts_exchanged_persons():
    swapped = window(
        [0.2, 0.5],
        [2, 1],
        [11, 22],
        [True, True],
        persons([0.2, 0.5], [11, 22]),
    )
    assert known(track_diagnostics([swapped]))['trk_id_con'] == 0.0
    predicted = track_diagnostics([swapped], consistency='predicted')
    assert known(predicted)['trk_id_con'] == 1.0


def test_predicted_consistency_does_not_follow_hard_assignment():
    # Query 1 is kept by its identity although it stands on another person.
    drifted = window(
        [0.2, 0.25],
        [1, 2],
        [11, 22],
        [True, True],
        persons([0.2, 0.5], [11, 22]),
    )
    assert known(track_diagnostics([drifted]))['trk_id_con'] == 1.0
    predicted = track_diagnostics([drifted], consistency='predicted')
    assert known(predicted)['trk_id_con'] == 0.5


def test_invisible_keypoints_have_no_influence():
    people = persons([0.2, 0.5], [11, 22], visible=[[1, 0], [0, 0]])
    people['keypoints'][0, 0, 1] = 100.0
    people = window(
        [0.3, 0.5, 0.1], [1, 2, 0], [11, 22, -1], [True, True, False], people
    )
    for consistency in ('assigned', 'predicted'):
        values = known(track_diagnostics([people], consistency=consistency))
        assert values['trk_kpt_l1'] == pytest.approx(0.1)
        assert values['n_trk_pos'] == 1
        assert values['trk_id_con'] == 1.0


def test_padding_does_not_count():
    padded = mixed()
    padded['gt_inds'][0, 2] = -1
    values = known(track_diagnostics([padded]))
    assert values['n_trk'] == 2
    assert values['trk_cls_val'] == pytest.approx(math.log(2) / 16)


def test_windows_are_averaged_by_their_counts():
    alone = window([0.3], [1], [-1], [False], persons([0.27], [11]))
    values = known(track_diagnostics([mixed(), alone]))
    assert values['trk_kpt_l1'] == pytest.approx(0.05)
    assert values['det_kpt_l1'] == pytest.approx((0.01 + 0.03) / 2)
    assert values['n_trk'] == pytest.approx(1.5)
    assert values['n_det_pos'] == 1


def test_clips_of_a_batch_count_like_windows():
    one = mixed()
    # The third place of the second clip is padding.
    two = dict(
        mixed(),
        **persons([0.3, 0.4, 0.0], [22, 7, -1], [[1, 1], [1, 1], [0, 0]]),
        gt_inds=torch.tensor([[0, 1, 0, 2, 0, 0]]),
    )
    batch = {name: torch.cat([one[name], two[name]]) for name in one}
    for consistency in ('assigned', 'predicted'):
        together = track_diagnostics([batch], consistency=consistency)
        apart = track_diagnostics([one, two], consistency=consistency)
        assert known(together) == pytest.approx(known(apart))


def test_weights_of_the_classification_loss():
    values = known(track_diagnostics([mixed()], cls_weight=2.0, gamma=0.0))
    assert values['trk_cls_val'] == pytest.approx(
        2 * math.log(2) * (2 * 0.25 + 0.75) / 3
    )


def test_unknown_consistency():
    with pytest.raises(ValueError, match='nearest'):
        track_diagnostics([mixed()], consistency='nearest')
