# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest

from cape_mm.datasets.formats.cephalometric.landmark_columns import (
    index_header,
    match_landmarks,
    normalise,
    read_number,
    read_points,
)
from cape_mm.structures import Landmark, LandmarkSchema

SCHEMA = LandmarkSchema(
    'tiny',
    (Landmark('Go', 'Gonion', ''), Landmark("N'", 'ST_Nasion', '')),
    '',
    '',
)


def match(*header):
    return match_landmarks(index_header(header, 'file'), SCHEMA, 'file')


def test_names_that_people_take_for_equal():
    assert normalise('Gonion _x') == normalise(' gonion_X ') == 'gonion_x'
    assert normalise('ST  Nasion_x') == 'st_nasion_x'
    assert normalise('N`_x') == normalise('N′_x') == normalise("N'_x")


@pytest.mark.parametrize(
    'header',
    [
        ('Gonion _x', 'Gonion _y', 'ST Nasion_x', 'ST Nasion_y'),
        ('N’_y', 'N’_x', 'go_x', 'go_y'),
    ],
)
def test_columns_are_found_by_code_and_name_in_any_order(header):
    gonion, nasion = match(*header)
    assert normalise(gonion.x)[:2] == 'go' and gonion.x.endswith('x')
    assert nasion.y.endswith('y') and gonion.v is None


def test_missing_landmarks_are_listed_with_what_is_there():
    with pytest.raises(ValueError, match=r"1 of the 2 .*'tiny'.*: N'_x") as e:
        match('Go_x', 'Go_y', 'Sella_x')
    assert 'Sella_x' in str(e.value)


def test_code_and_name_of_one_landmark_are_refused():
    with pytest.raises(ValueError, match='landmark Go is there twice'):
        match('Go_x', 'Go_y', 'Gonion_x', 'Gonion_y', "N'_x", "N'_y")


def test_columns_that_differ_in_blanks_only_are_refused():
    with pytest.raises(ValueError, match="'Gonion_x' and 'Gonion _x'"):
        index_header(['Gonion_x', 'Gonion _x'], 'file')


@pytest.mark.parametrize('value', [None, '', ' NaN ', 'n/a', math.nan])
def test_empty_cells(value):
    assert math.isnan(read_number(value, 'here'))


@pytest.mark.parametrize('value', ['12,5', 'x', math.inf, '-inf', [1]])
def test_wrong_cells_are_named(value):
    with pytest.raises(ValueError, match='here.*is no number'):
        read_number(value, 'here')


def test_points_of_a_row(report):
    header = ('Go_x', 'Go_y', 'Go_v', "N'_x", "N'_y")
    row = dict(zip(header, ('1.5', '2', '1', '', '')))
    points, visible = read_points(row, match(*header), SCHEMA, 'row', report)
    assert points[0].tolist() == [1.5, 2]
    assert visible.tolist() == [1, 0]
    assert report.examples['not_labelled'] == ["row, landmark N'"]


def test_half_a_point_is_refused(report):
    header = ('Go_x', 'Go_y', "N'_x", "N'_y")
    row = dict(zip(header, ('1.5', '', '', '')))
    with pytest.raises(ValueError, match="landmark Go: only one of 'Go_x'"):
        read_points(row, match(*header), SCHEMA, 'row', report)


def test_a_wrong_visibility_is_refused(report):
    header = ('Go_x', 'Go_y', 'Go_v', "N'_x", "N'_y")
    row = dict(zip(header, ('1', '2', '3', '', '')))
    with pytest.raises(ValueError, match=r"column 'Go_v': 3: write 0"):
        read_points(row, match(*header), SCHEMA, 'row', report)
