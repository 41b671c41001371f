# Copyright (c) cape_mm contributors. All rights reserved.
"""95 % intervals of measurements, and what norms make of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.golden_face import place

from cape_mm.evaluation.functional.cephalometric_measurements import (
    Measurement,
    measure,
)
from cape_mm.evaluation.functional.cephalometric_norms import load_norms
from cape_mm.structures import get_schema

SCHEMA = get_schema('cephalogram23')
RADII = np.linspace(1.0, 3.0, 23)
MM = (1.0, 1.0)


def margins(radii=RADII, points=None, spacing=MM, visible=None):
    face, there = place()
    visible = there if visible is None else visible
    points = face if points is None else points
    found = measure(points, visible, SCHEMA, spacing, radii)
    return {name: one.margin for name, one in found.items()}


def test_margins_are_those_of_random_landmarks():
    points, visible = place()
    rng = np.random.default_rng(0)
    sigma = RADII / math.sqrt(-2 * math.log(0.05))
    draws = [
        {
            name: one.value
            for name, one in measure(
                points + sigma[:, None] * rng.normal(size=(23, 2)),
                visible,
                SCHEMA,
                MM,
            ).items()
        }
        for _ in range(1500)
    ]
    for name, margin in margins().items():
        if margin is None:
            continue
        values = np.array([draw[name] for draw in draws])
        # the sign of MW jumps with the order of the incisors
        expected = 1.96 * np.std(values)
        tolerance = 0.25 if name == 'MW' else 0.1
        assert margin == pytest.approx(expected, rel=tolerance), name


def test_a_distance_depends_on_its_two_ends_only():
    radii = np.zeros(23)
    radii[[SCHEMA.index_of('S'), SCHEMA.index_of('N')]] = 2.4477
    found = margins(radii)
    # sigma 1 at both ends, along the line
    assert found['S-N'] == pytest.approx(1.96 * math.sqrt(2), rel=1e-3)
    assert found['ANS-Me'] == 0


def test_margins_grow_with_the_radii():
    small, large = margins(), margins(2 * RADII)
    for name, margin in small.items():
        if margin is not None and name != 'MW':
            assert large[name] == pytest.approx(2 * margin, rel=0.1), name


def test_margins_are_the_same_mirrored_and_in_other_pixels():
    points, _ = place()
    mirrored = margins(points=points * [-1, 1])
    fine = margins(points=points / [0.5, 0.25], spacing=(0.5, 0.25))
    for name, margin in margins().items():
        assert mirrored[name] == pytest.approx(margin), name
        assert fine[name] == pytest.approx(margin), name


def test_values_are_the_same_without_radii():
    points, visible = place()
    plain = measure(points, visible, SCHEMA, MM)
    for name, one in measure(points, visible, SCHEMA, MM, RADII).items():
        assert one.value == plain[name].value
        assert plain[name].margin is None
        assert (one.margin is None) == (one.value is None)


def test_an_unknown_radius_costs_what_needs_it_and_nothing_else():
    radii = RADII.copy()
    radii[SCHEMA.index_of('A')] = np.nan
    found = margins(radii)
    assert found['SNA'] is None and found['ANB'] is None
    assert found['SNB'] is not None


def test_the_horizontal_moves_with_the_landmarks_that_make_it():
    _, visible = place()
    radii = np.zeros(23)
    radii[SCHEMA.index_of('S')] = 3.0
    assert margins(radii)['overjet'] == 0
    visible[[SCHEMA.index_of('Po'), SCHEMA.index_of('Or')]] = 0
    assert margins(radii, visible=visible)['overjet'] > 0


def test_text_has_the_margin():
    assert str(Measurement(82.14, 'deg', margin=1.26)) == '82.1 ± 1.3 deg'
    assert str(Measurement(0.6123, '', margin=0.011)) == '0.612 ± 0.011'


@pytest.mark.parametrize(
    'value, margin, verdict',
    [
        (82.0, None, 'normal'),
        (82.0, 3.0, 'normal'),
        (82.0, 4.0, 'uncertain'),
        (85.6, None, 'high'),
        (85.6, 0.05, 'high'),
        (85.6, 0.2, 'uncertain'),
        (78.4, 0.05, 'low'),
        (78.4, 0.2, 'uncertain'),
        (70.0, 30.0, 'uncertain'),
    ],
)
def test_an_interval_across_a_limit_is_uncertain(value, margin, verdict):
    assert load_norms()['SNA'].judge(value, margin) == verdict


def test_without_band_there_is_no_verdict():
    assert load_norms()['N-S-Ar'].judge(120.0, 3.0) == ''
