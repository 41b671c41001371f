# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import pytest

from cape_mm.errors import DataError
from cape_mm.studio import editor
from cape_mm.studio import labels as actions
from cape_mm.studio.editor import BOX, SKELETON, Cursor, click, go_to

POINTS = [(10, 20), (30, 40), (50, 5)]
REACH = 2.0


@pytest.fixture
def cursor(project):
    return go_to(project.labels, 'a.jpg')


def click_all(project, cursor):
    for point in POINTS:
        cursor = click(project, cursor, *point, REACH)
    return cursor


def points_of(project, key='a.jpg'):
    return project.labels.instances[key].keypoints


def test_clicks_place_the_keypoints_one_after_the_other(project, cursor):
    assert editor.describe(project.labels, cursor) == (
        'Click **rim left** (1 of 3)'
    )
    cursor = click_all(project, cursor)
    assert points_of(project) == tuple((x, y, 2) for x, y in POINTS)
    assert editor.describe(project.labels, cursor) == (
        'Click a keypoint to select it'
    )


def test_a_click_on_a_keypoint_selects_it_and_the_next_moves_it(
    project, cursor
):
    cursor = click_all(project, cursor)
    cursor = click(project, cursor, 31, 41, REACH)
    assert 'where **rim right** belongs' in editor.describe(
        project.labels, cursor
    )
    cursor = click(project, cursor, 10.5, 20, REACH)  # near another one
    assert points_of(project)[1] == (10.5, 20, 2)
    assert cursor.target is None


def test_a_click_without_target_is_answered(project, cursor):
    cursor = click_all(project, cursor)
    with pytest.raises(DataError, match='all keypoints have a place'):
        click(project, cursor, 70, 50, REACH)
    project.do(actions.set_keypoint_names, [])
    with pytest.raises(DataError, match='write their names'):
        click(project, go_to(project.labels, 'a.jpg'), 70, 50, REACH)


def test_a_keypoint_that_is_not_visible_is_passed_over(project, cursor):
    cursor = editor.flag(project, cursor, 0)
    assert cursor.target == 1
    cursor = click(project, cursor, 30, 40, REACH)
    assert cursor.target == 2
    assert [v for _, _, v in points_of(project)] == [0, 2, 0]


def test_the_last_keypoint_can_be_hidden_and_stays_so_when_moved(
    project, cursor
):
    cursor = click(project, cursor, 10, 20, REACH)
    cursor = editor.flag(project, cursor, 1)
    cursor = click(project, cursor, 10, 20, REACH)
    click(project, cursor, 12, 22, REACH)
    assert points_of(project)[0] == (12, 22, 1)


def test_arrows_move_the_last_keypoint_by_a_pixel(project, cursor):
    with pytest.raises(DataError, match='no keypoint is selected'):
        editor.nudge(project, cursor, 1, 0)
    cursor = click(project, cursor, 10, 20, REACH)
    cursor = editor.nudge(project, cursor, 1, 0)
    cursor = editor.nudge(project, cursor, 0, -1)
    assert points_of(project)[0] == (11, 19, 2)
    assert cursor.target == 1


def test_two_clicks_make_a_box(project, cursor):
    cursor = replace(cursor, mode=BOX)
    assert 'one corner' in editor.describe(project.labels, cursor)
    cursor = click(project, cursor, 60, 50, REACH)
    assert 'the other corner' in editor.describe(project.labels, cursor)
    cursor = click(project, cursor, 5, 10, REACH)
    assert project.labels.instances['a.jpg'].box == (5, 10, 60, 50)
    assert cursor.mode == editor.KEYPOINTS


def test_two_clicks_make_an_edge_and_remove_it(project, cursor):
    cursor = replace(click_all(project, cursor), mode=SKELETON)
    for skeleton in [((0, 2),), ()]:
        cursor = click(project, cursor, *POINTS[0], REACH)
        assert '**rim left**' in editor.describe(project.labels, cursor)
        cursor = click(project, cursor, *POINTS[2], REACH)
        assert project.labels.skeleton == skeleton
    with pytest.raises(DataError, match='an edge joins two'):
        click(project, cursor, 70, 50, REACH)


def test_zoom_is_on_the_keypoint_or_the_box_and_back(project, cursor):
    labels = project.labels
    assert editor.zoom(labels, cursor).zoom == (40, 30)
    cursor = click(project, cursor, 10, 20, REACH)
    near = editor.zoom(project.labels, cursor)
    assert near.zoom == (10, 20)
    assert editor.zoom(project.labels, near).zoom is None


def test_a_predicted_image_has_no_target_until_one_is_clicked(project):
    project.do(actions.set_prediction, 'a.jpg', POINTS, [0.9, 0.1, 0.8])
    cursor = go_to(project.labels, 'a.jpg')
    assert cursor.target is None
    cursor = click(project, cursor, *POINTS[1], REACH)
    cursor = click(project, cursor, 33, 44, REACH)
    assert points_of(project)[1] == (33, 44, 2)
    assert cursor.target is None


def test_predictions_with_low_scores_come_first(project):
    for key, score in [('a.jpg', 0.8), ('b.jpg', 0.2), ('c/d.png', 0.5)]:
        project.do(actions.set_prediction, key, POINTS, [score] * 3)
    order = editor.order_by_worth(project.labels)
    assert order == ['b.jpg', 'c/d.png', 'a.jpg']


def test_the_table_is_edited_by_keyboard(project, cursor):
    click_all(project, cursor)
    rows = editor.make_table(project.labels, 'a.jpg')
    assert rows[0] == ['rim left', 10, 20, 2, '']
    rows[0][1] = '12.5'
    rows[1][3] = '1'
    rows[2][1] = ''
    editor.apply_table(project, 'a.jpg', rows)
    assert points_of(project) == (
        *((12.5, 20, 2), (30, 40, 1), actions.UNLABELLED),
    )
    project.undo()  # one step
    assert points_of(project)[0] == (10, 20, 2)


@pytest.mark.parametrize(
    'row', [['rim left', 'x', 2, 2], ['rim left', 1, 2, 3]]
)
def test_a_wrong_value_in_the_table_is_named(project, row):
    with pytest.raises(DataError, match='rim left: x and y must be numbers'):
        editor.apply_table(project, 'a.jpg', [row])


def test_a_cursor_on_what_is_gone_begins_anew(project):
    labels = project.labels
    gone = Cursor('a.jpg#2', target=1)
    assert editor.stay_valid(labels, gone) == go_to(labels, 'a.jpg')
    assert editor.stay_valid(labels, Cursor('b.jpg', target=7)).target == 0
    assert editor.stay_valid(actions.Labels(), gone) is None
