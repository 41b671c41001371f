# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import pytest

from cape_mm.errors import DataError
from cape_mm.studio.labels import (
    ACCEPTED,
    EMPTY,
    PREDICTED,
    REJECTED,
    UNLABELLED,
    History,
    Instance,
    Labels,
    accept,
    add_instance,
    clear,
    flag_keypoint,
    place_keypoint,
    reject,
    set_box,
    set_keypoint_names,
    set_prediction,
    toggle_edge,
)

A, B = 'a.jpg', 'b.jpg'
POINTS = [(10, 20), (30, 40), (50, 5)]


@pytest.fixture
def labels():
    instance = Instance(A, (80, 60), (UNLABELLED,) * 3)
    other = replace(instance, image=B)
    names = ('left', 'right', 'top')
    instances = {A: instance, B: other}
    return Labels('mug', names, ((0, 1), (1, 2)), instances=instances)


@pytest.fixture
def predicted(labels):
    return set_prediction(labels, A, POINTS, [0.9, 0.2, 0.5])


def test_a_keypoint_by_hand_makes_the_image_accepted(labels):
    after = place_keypoint(labels, A, 1, 12.346, 7)
    assert after.instances[A].keypoints == (
        *(UNLABELLED, (12.35, 7.0, 2), UNLABELLED),
    )
    assert after.keys(ACCEPTED) == [A]
    assert labels.instances[A].status == EMPTY  # unchanged


def test_a_keypoint_outside_is_put_on_the_border(labels):
    after = place_keypoint(labels, A, 0, -4, 99)
    assert after.instances[A].keypoints[0] == (0.0, 59.0, 2)


def test_the_last_keypoint_removed_makes_the_image_empty(labels):
    after = place_keypoint(labels, A, 0, 3, 4)
    after = flag_keypoint(after, A, 0, 0)
    assert after.instances[A].status == EMPTY
    assert after.instances[A].keypoints[0] == UNLABELLED


@pytest.mark.parametrize('v', [1, 2])
def test_a_flag_keeps_the_place(labels, v):
    after = flag_keypoint(place_keypoint(labels, A, 0, 3, 4), A, 0, v)
    assert after.instances[A].keypoints[0] == (3.0, 4.0, v)


def test_a_keypoint_without_place_cannot_be_hidden(labels):
    with pytest.raises(DataError, match="'right' has no place"):
        flag_keypoint(labels, A, 1, 1)


def test_accepting_leaves_out_what_was_not_found(predicted):
    after = accept(predicted, A).instances[A]
    assert [v for _, _, v in after.keypoints] == [2, 0, 2]
    assert after.status == ACCEPTED
    assert accept(predicted, A).count_corrections() == [(0, 3)]


def test_accepting_puts_keypoints_outside_on_the_border(labels):
    outside = [(-2, 20), (30, 99), (80, 5)]
    labels = set_prediction(labels, A, outside, [0.9] * 3)
    assert accept(labels, A).instances[A].keypoints == (
        *((0, 20, 2), (30, 59, 2), (79, 5, 2)),
    )


def test_accepting_nothing_is_refused(labels):
    with pytest.raises(DataError, match='no keypoint to accept'):
        accept(labels, A)


def test_a_correction_accepts_and_is_counted_once(predicted):
    after = place_keypoint(predicted, A, 1, 31, 41)
    after = place_keypoint(after, A, 1, 32, 42)
    assert after.instances[A].keypoints[1] == (32.0, 42.0, 2)
    assert after.instances[A].corrected == (1,)
    assert after.count_corrections() == [(1, 3)]


def test_a_correction_works_where_nothing_was_found(labels):
    after = set_prediction(labels, A, POINTS, [0.1, 0.1, 0])
    after = place_keypoint(after, A, 0, 1, 2)
    assert [v for _, _, v in after.instances[A].keypoints] == [2, 0, 0]


def test_an_uncertain_keypoint_can_be_confirmed(predicted):
    after = flag_keypoint(predicted, A, 1, 2).instances[A]
    assert after.keypoints[1] == (30.0, 40.0, 2)
    assert after.found == (True, True, True)


def test_predictions_do_not_replace_accepted_labels(predicted):
    accepted = accept(predicted, A)
    assert set_prediction(accepted, A, POINTS, [1, 1, 1]) is accepted


@pytest.mark.parametrize(
    'action, status', [(reject, REJECTED), (clear, EMPTY)]
)
def test_a_rejected_or_cleared_image_is_no_longer_counted(
    predicted, action, status
):
    after = action(accept(predicted, A), A)
    assert after.instances[A].status == status
    assert after.count_corrections() == []


def test_a_box_has_its_corners_in_order_and_inside(labels):
    after = set_box(labels, A, [70, 50, -5, 10])
    assert after.instances[A].box == (0.0, 10.0, 70.0, 50.0)
    assert set_box(after, A, None).instances[A].box is None
    with pytest.raises(DataError, match='two corners'):
        set_box(labels, A, [10, 10, 11, 50])


def test_an_edge_is_added_and_removed_in_either_direction(labels):
    after = toggle_edge(labels, 2, 0)
    assert after.skeleton == ((0, 1), (1, 2), (2, 0))
    assert toggle_edge(after, 0, 2).skeleton == labels.skeleton


@pytest.mark.parametrize(
    'names, points, skeleton',
    [
        pytest.param(
            *(['l', 'r', 't'], POINTS, ((0, 1), (1, 2))), id='renamed'
        ),
        pytest.param(
            *(['left', 'top', 'nose'], [POINTS[0], POINTS[2], (0, 0)], ()),
            id='one replaced by another at the end',
        ),
        pytest.param(
            *(['left', 'nose', 'top'], POINTS, ((0, 1), (1, 2))),
            id='one renamed',
        ),
        pytest.param(
            *(['top', 'left', 'right'], POINTS[2:] + POINTS[:2]),
            *(((1, 2), (2, 0)),),
            id='sorted',
        ),
        pytest.param(
            *(['right', 'top'], POINTS[1:], ((0, 1),)), id='one removed'
        ),
        pytest.param(
            *(['left', 'right', 'top', 'foot'], [*POINTS, (0, 0)]),
            *(((0, 1), (1, 2)),),
            id='one added',
        ),
    ],
)
def test_new_names_carry_labels_and_skeleton_along(
    labels, names, points, skeleton
):
    for index, point in enumerate(POINTS):
        labels = place_keypoint(labels, A, index, *point)
    after = set_keypoint_names(labels, names)
    found = [(x, y) for x, y, _ in after.instances[A].keypoints]
    assert found == points
    assert after.skeleton == skeleton
    assert len(after.instances[B].keypoints) == len(names)


def test_equal_names_are_refused(labels):
    with pytest.raises(DataError, match='same name'):
        set_keypoint_names(labels, ['eye', 'eye '])


def test_a_second_object_follows_the_first(labels):
    after, key = add_instance(labels, A)
    after, third = add_instance(after, key)
    assert list(after.instances) == [A, 'a.jpg#2', 'a.jpg#3', B]
    assert (key, third) == ('a.jpg#2', 'a.jpg#3')


def test_ten_steps_are_undone_and_done_again(labels):
    history, steps = History(labels), [labels]
    for number in range(10):
        steps.append(place_keypoint(history.present, A, 0, number, number))
        history = history.do(steps[-1])
    for labels in reversed(steps[:-1]):
        history = history.undo()
        assert history.present == labels
    assert history.undo() is history
    for labels in steps[1:]:
        history = history.redo()
        assert history.present == labels
    assert history.redo() is history


def test_a_new_step_ends_what_can_be_done_again(labels):
    history = History(labels).do(place_keypoint(labels, A, 0, 1, 1)).undo()
    history = history.do(place_keypoint(labels, A, 0, 2, 2))
    assert history.redo() is history


def test_the_state_predicted_is_what_awaits_a_decision(predicted):
    assert predicted.keys(PREDICTED) == [A]
    assert predicted.instances[A].mean_score == pytest.approx(1.6 / 3)
