# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.evaluation.metrics import TeacherForcingGap, teacher_forcing_gap


def both(free, forced):
    return dict(pred_instances=free, teacher_forced_instances=forced)


def test_gap_is_relative_to_the_teacher_forced_error(make_episode, evaluate):
    episodes = [
        make_episode([both([2, 4], [2, 2])]),
        make_episode([both([6], [4])]),
    ]
    metrics = evaluate(TeacherForcingGap(), *episodes)
    assert metrics['NME_ar'] == pytest.approx((0.03 + 0.06) / 2)
    assert metrics['NME_tf'] == pytest.approx((0.02 + 0.04) / 2)
    assert metrics['ar_tf_gap'] == pytest.approx(0.5)


def test_unlabelled_points_and_empty_queries_do_not_count(
    make_episode, evaluate
):
    queries = [both([2, 90], [1, 5]), both([90, 90], [1, 1])]
    episode = make_episode(
        queries, visible=[[1, 1], [0, 1]], support_visible=[[1, 0]]
    )
    metrics = evaluate(TeacherForcingGap(), episode)
    assert metrics['NME_ar'] == pytest.approx(0.02)
    assert metrics['NME_tf'] == pytest.approx(0.01)


def test_no_error_means_no_gap(make_episode, evaluate):
    exact, worse = both([0.0], [0.0]), both([1.0], [0.0])
    metric = TeacherForcingGap()
    assert evaluate(metric, make_episode([exact]))['ar_tf_gap'] == 0
    assert evaluate(metric, make_episode([worse]))['ar_tf_gap'] == float('inf')


def test_nothing_to_compare_is_told_once(make_episode, evaluate, monkeypatch):
    messages = []
    monkeypatch.setattr(
        teacher_forcing_gap,
        'print_log',
        lambda text, **_: messages.append(text),
    )
    metric = TeacherForcingGap()
    assert evaluate(metric, make_episode([[1, 2]])) == {}
    assert evaluate(metric, make_episode([[1, 2]])) == {}
    assert len(messages) == 1
    assert 'teacher_forced=True' in messages[0]
