# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.reading import (
    ObserverError,
    choose_points,
    name_part,
    normalise,
    read_number,
)
from cape_mm.errors import DataError

CODES = ('S', 'N', 'Go')
JUNIOR = np.array([[0.0, 0.0], [10, 10], [np.nan, np.nan]])
SENIOR = np.array([[3.0, 4.0], [10, 11], [np.nan, np.nan]])


def test_mean_needs_both_observers(report):
    junior = JUNIOR.copy()
    junior[1] = np.nan
    points, visible = choose_points(
        dict(junior=junior, senior=SENIOR),
        'mean',
        CODES,
        'cephalogram',
        report,
    )
    assert points[0].tolist() == [1.5, 2]
    assert visible.tolist() == [2, 0, 0]
    assert report.counts == dict(one_observer=1, not_labelled=1)
    assert report.examples['one_observer'] == ['cephalogram, landmark N']


def test_one_observer_does_not_need_the_other(report):
    points, visible = choose_points(
        dict(senior=SENIOR), 'senior', CODES, 'cephalogram', report
    )
    assert points[0].tolist() == [3, 4]
    assert visible.tolist() == [2, 2, 0]


def test_error_is_in_millimetres_with_a_spacing_per_axis():
    error = ObserverError(CODES)
    error.add(dict(junior=JUNIOR, senior=SENIOR), (2.0, 0.5))
    # S: (6, 2) mm, N: (0, 0.5) mm, Go: no mark
    first, *landmarks = error.lines()
    mean = (np.hypot(6, 2) + 0.5) / 2
    assert f'{mean:.3f} ±' in first and '50.0% within 2 mm' in first
    assert [line.split()[0] for line in landmarks] == ['S', 'N']


def test_rows_have_detection_rates_as_the_metric_has_them():
    error = ObserverError(CODES)
    error.add(dict(junior=JUNIOR, senior=SENIOR), (0.5, 0.5))
    # S: 2.5 mm, N: 0.5 mm
    overall, worst, best = error.rows()
    assert overall['landmark'] == 'all' and overall['N'] == 2
    assert overall['mean'] == 1.5 and overall['SD'] == 1.0
    rates = [overall[f'SDR_{mm}mm'] for mm in ('2', '2.5', '3', '4')]
    assert rates == [50, 100, 100, 100]
    assert (worst['landmark'], best['landmark']) == ('S', 'N')
    assert '50.0% within 2 mm, 100.0% within 2.5 mm' in error.lines()[0]


def test_error_is_in_pixels_without_spacing():
    error = ObserverError(CODES)
    error.add(dict(junior=JUNIOR, senior=SENIOR), None)
    assert '3.000 ± 2.000 px' in error.lines()[0]
    assert 'within' not in error.lines()[0]


def test_there_are_no_lines_without_cephalograms():
    assert ObserverError(CODES).lines() == []


def test_names_that_people_take_for_equal():
    assert normalise('Gonion _x') == normalise(' gonion_X ') == 'gonion_x'
    assert normalise('ST  Nasion_x') == 'st_nasion_x'
    assert normalise('N`_x') == normalise('N′_x') == normalise("N'_x")


@pytest.mark.parametrize('value', [None, '', ' NaN ', 'n/a', math.nan])
def test_empty_cells(value):
    assert math.isnan(read_number(value, 'here'))


@pytest.mark.parametrize('value', ['12,5', 'x', math.inf, '-inf', [1]])
def test_wrong_cells_are_named(value):
    with pytest.raises(DataError, match='here.*is no number'):
        read_number(value, 'here')


def test_usual_names_of_parts():
    assert name_part(' DEV ', 'here') == name_part('valid', 'here') == 'val'
    assert name_part('test2', 'here') == 'test2'
    with pytest.raises(DataError, match="here: 'a/b' is no part"):
        name_part('a/b', 'here')
