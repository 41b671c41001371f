# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
from support.hand_made_log import make_lines, write_scalars

from cape_mm.checks import HEALTHY, LOG_RULES, examine_log, read_log
from cape_mm.models.task_modules import TRACK_DIAGNOSTICS

# Rule, changed values, first changed line.
FAULTS = [
    ('no-tracks', dict(n_trk=0.0, n_trk_pos=0.0, n_det_pos=3.0), 12),
    ('tracks-without-persons', dict(n_trk_pos=0.0, trk_kpt_l1=None), 12),
    ('mostly-mistakes', dict(n_trk_pos=0.6), 12),
    ('tracks-never-wrong', dict(n_trk_pos=2.0), 12),
    ('few-persons-tracked', dict(n_trk=0.4, n_trk_pos=0.3), 12),
    ('no-births', dict(n_det_pos=0.01), 12),
    ('identities-lost', dict(trk_id_con=0.3), 12),
    ('tracks-elsewhere', dict(trk_kpt_l1=0.174, det_kpt_l1=0.009), 12),
    ('tracks-drift', dict(trk_kpt_l1=0.035, det_kpt_l1=0.015), 12),
    ('not-finite', dict(loss_kpt=math.nan, loss=math.nan), 27),
    ('gradient-explodes', dict(grad_norm=4032.0), 25),
    ('persons-not-found', dict(loss_cls=0.5), 0),
    ('proposals-not-found', dict(enc_loss_cls=0.39), 0),
    ('layers-do-not-refine', {'d0.loss_kpt': -9.0}, 12),
    ('refinement-does-not-refine', {'d0.loss_kpt_refine': -9.0}, 12),
    ('much-memory', dict(memory=23000), 12),
    ('waits-for-data', dict(data_time=0.3), 12),
]


def find(tmp_path, lines):
    return examine_log(
        read_log(write_scalars(tmp_path / 'scalars.json', lines))
    )


def test_a_healthy_log_has_no_findings(tmp_path):
    assert find(tmp_path, make_lines()) == []


@pytest.mark.parametrize('rule, change, since', FAULTS)
def test_each_fault_is_found_alone_with_its_beginning(
    tmp_path, rule, change, since
):
    (finding,) = find(tmp_path, make_lines(change, since))
    assert finding.rule == rule
    assert finding.severity == LOG_RULES[rule].severity
    assert finding.since == f'epoch 1, iteration {50 * (since + 1)}'
    assert finding.meaning and finding.advice


def test_keypoints_that_do_not_get_better(tmp_path):
    still = dict(det_kpt_l1=0.06, trk_kpt_l1=0.06)
    still.update({'d0.loss_kpt': -1.7, 'd1.loss_kpt': -1.9, 'loss_kpt': -2.0})
    (finding,) = find(tmp_path, make_lines(still, 8))
    assert finding.rule == 'keypoints-stuck'
    assert 'det_kpt_l1 at 0.06' in finding.message
    # Standing still is no fault where keypoints are precise.
    assert not find(
        tmp_path, make_lines(dict(still, det_kpt_l1=0.01, trk_kpt_l1=0.01), 8)
    )


NOT_FALLEN = dict(loss_cls=0.5, enc_loss_cls=0.4)


def not_fallen(tmp_path, change, **options):
    path = tmp_path / 'scalars.json'
    log = read_log(write_scalars(path, make_lines(change), **options))
    return [f.rule for f in examine_log(log) if f.rule.endswith('not-found')]


@pytest.mark.parametrize(
    'first, epoch, found',
    [
        (0, 1, 2),
        (50, 1, 2),
        (100, 1, 0),
        (50, 2, 0),
        (0, 0, 2),
        (3000, 0, 0),
    ],
)
def test_only_the_beginning_of_a_training_tells_what_has_not_fallen(
    tmp_path, first, epoch, found
):
    rules = not_fallen(tmp_path, NOT_FALLEN, epoch=epoch, before=first)
    assert len(rules) == found


def test_losses_of_trained_weights_need_not_fall(tmp_path):
    trained = dict(NOT_FALLEN, det_kpt_l1=0.012, trk_kpt_l1=0.012)
    assert not_fallen(tmp_path, trained) == []
    # also without track queries there is a beginning
    assert len(not_fallen(tmp_path, dict(NOT_FALLEN, det_kpt_l1=None))) == 2


def test_a_loss_that_rises_again(tmp_path):
    (finding,) = find(tmp_path, make_lines(dict(loss=-3.0), 20))
    assert finding.rule == 'loss-rises'
    assert finding.since == 'epoch 1, iteration 1000'


def test_what_has_healed_is_not_off(tmp_path):
    for _, change, since in FAULTS:
        if since == 12:
            assert not find(tmp_path, make_lines(change, 0, until=20))


def test_single_lines_are_no_fault_and_one_good_line_ends_one(tmp_path):
    change = dict(trk_id_con=0.1)
    assert not find(tmp_path, make_lines(change, 28))
    assert not find(tmp_path, make_lines(change, 5, until=29))
    (finding,) = find(tmp_path, make_lines(change, 27))
    assert finding.since == 'epoch 1, iteration 1400'


def test_old_values_of_tracks_are_not_judged_without_tracks(tmp_path):
    change = dict(n_trk=0.0, n_trk_pos=0.0, trk_id_con=0.1, trk_kpt_l1=0.4)
    (finding,) = find(tmp_path, make_lines(change, 12))
    assert finding.rule == 'no-tracks'


def test_the_example_of_a_single_line(tmp_path):
    # One frame cannot move a pose by 17 % of the image.
    line = dict(
        loss=-21.8843,
        loss_kpt=-3.65011,
        trk_kpt_l1=0.17395,
        det_kpt_l1=0.00847,
        n_trk=1.85,
        n_trk_pos=1.65,
        n_det_pos=3.6,
        trk_id_con=0.77958,
        grad_norm=61.62624,
        memory=14473,
    )
    (finding,) = find(tmp_path, [line])
    assert finding.rule == 'tracks-elsewhere'
    assert '20.5 times' in finding.message


def test_rules_can_be_left_out(tmp_path):
    lines = make_lines(dict(memory=23000))
    log = read_log(write_scalars(tmp_path / 'scalars.json', lines))
    assert not examine_log(log, ignore=['much-memory'])


def test_rules_without_their_keys_say_nothing(tmp_path):
    lines = [dict(loss=1.0, loss_kpt=-1.0) for _ in range(5)]
    assert find(tmp_path, lines) == []


def test_the_log_of_another_family_is_refused(tmp_path):
    lines = [dict(loss=1.0, loss_coords=1.0, grad_norm=3.0)]
    with pytest.raises(ValueError, match='scalars.json has none of the keys'):
        find(tmp_path, lines)


def test_every_rule_has_a_log():
    tried = {rule for rule, _, _ in FAULTS} | {'keypoints-stuck', 'loss-rises'}
    assert tried == set(LOG_RULES)


def test_all_diagnostics_of_the_model_are_known():
    assert set(TRACK_DIAGNOSTICS) <= set(HEALTHY)
