# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from support import closed_form_classes
from support.closed_form_classes import measure_classes

from cape_mm.datasets.synthetic.cephalograms.face import (
    MEASURES,
    Face,
    classify,
    direct,
    draw_face,
    find_fault,
    leave,
)
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.structures import get_schema

SCHEMA = get_schema('cephalogram23')
# A face constructed on paper, in mm, and what it measures.
MEAN = dict(
    S=(0, 0), N=(69.2, -10.3), A=(69.2, 46.7), B=(62.4, 87.4),
    Pog=(63.4, 101.5), Me=(55.4, 111.0), Go=(-8.1, 81.4), Gn=(61.1, 107.7),
    Po=(-24, 20), Or=(56.2, 20), ANS=(72.2, 41.7), PNS=(20.2, 42.6),
    Ar=(-14.5, 31.8), U1=(73.2, 70.7), U1a=(64.2, 49.5), L1=(70.6, 68.7),
    L1a=(60.8, 87.2), Sn=(82.2, 46.7), Prn=(98.2, 35.7), UL=(85.9, 59.4),
    LL=(82.1, 76.5),
    **{"N'": (75.7, -8.3), "Pog'": (75.4, 102.5)},
)  # fmt: skip


@pytest.fixture(scope='module')
def faces():
    return [draw_face(np.random.default_rng(seed)) for seed in range(500)]


@pytest.fixture
def mean_points():
    return {code: np.array(point, float) for code, point in MEAN.items()}


def measure_face(face):
    points = np.array([face.points[code] for code in SCHEMA.codes])
    found = measure(points, np.full(len(SCHEMA), 2), SCHEMA, (1.0, 1.0))
    return {name: result.value for name, result in found.items()}


def test_directions():
    np.testing.assert_allclose(direct(0), (1, 0), atol=1e-12)
    np.testing.assert_allclose(direct(90), (0, -1), atol=1e-12)


def test_ways_between_points():
    start, end = np.array([0.0, 0.0]), np.array([4.0, 0.0])
    np.testing.assert_allclose(leave(start, end, 0.25, 0.0), (1, 0))
    # Left of the way to the right is up.
    np.testing.assert_allclose(leave(start, end, 0.5, 3.0), (2, -3))


def test_a_face_depends_on_its_stream_only(faces):
    again = draw_face(np.random.default_rng(7))
    assert set(again.points) == set(SCHEMA.codes)
    for code in SCHEMA.codes:
        np.testing.assert_array_equal(
            again.points[code], faces[7].points[code]
        )
    assert again.measures == faces[7].measures
    assert faces[8].measures != again.measures


def test_measuring_gives_what_the_face_was_built_from(faces):
    for face in faces[:50]:
        found = measure_face(face)
        for name, value in face.measures.items():
            if name in ('SN-FH', 'PP-FH'):
                continue
            assert found[name] == pytest.approx(value, abs=1e-6), name
        # The frame of the face is that of the Frankfort plane.
        assert face.points['Or'][1] == face.points['Po'][1]
        palate = face.points['ANS'] - face.points['PNS']
        tilt = np.degrees(np.arctan2(-palate[1], palate[0]))
        assert tilt == pytest.approx(face.measures['PP-FH'], abs=1e-9)


def test_means_and_spreads_are_those_of_people(faces):
    for name, (mean, spread) in MEASURES.items():
        values = [face.measures[name] for face in faces]
        assert abs(np.mean(values) - mean) < 0.6 * spread, name
        assert 0.6 * spread < np.std(values) < 1.6 * spread, name
    snb = np.array([face.measures['SNB'] for face in faces])
    fma = np.array([face.measures['FMA'] for face in faces])
    assert np.corrcoef(snb, fma)[0, 1] < -0.1


def test_every_isbi_class_occurs(faces):
    expected = dict(
        ANB={1, 2, 3}, SNB={1, 2, 3}, SNA={1, 2, 3}, ODI={1, 2, 3},
        APDI={1, 2, 3}, FHI={1, 2, 3}, FMA={1, 2, 3}, MW={0, 1, 3, 4},
    )  # fmt: skip
    classes_of = [classify(face) for face in faces]
    assert list(classes_of[0]) == list(expected)
    for name, classes in expected.items():
        counts = {kind: 0 for kind in classes}
        for one in classes_of:
            counts[one[name]] += 1
        assert min(counts.values()) > 10, (name, counts)


def test_classes_agree_with_the_measurements(faces):
    for face in faces[:50]:
        found = measure_face(face)
        for name, value in measure_classes(face).items():
            other = found['SN-GoGn' if name == 'FMA' else name]
            assert value == pytest.approx(other, abs=1e-6), name


def test_classes_are_those_in_closed_form(faces):
    for face in faces:
        expected = closed_form_classes.classify(face)
        assert classify(face) == expected
        assert list(classify(face)) == list(expected)


def test_classes_of_the_mean_face(mean_points):
    assert find_fault(mean_points) is None
    measures = {
        'SNA': 81.534, 'SNB': 77.553, 'ANB': 3.981, 'FMA': 24.992,
        'PP-FH': 0.992, 'SN-FH': 8.466, 'overjet': 2.6, 'overbite': 2.0,
    }  # fmt: skip
    face = Face(mean_points, measures)
    values = measure_classes(face)
    expected = dict(ODI=73.501, APDI=79.523, FHI=0.670, FMA=29.276, MW=3.280)
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=2e-3), name
    assert set(classify(face).values()) == {1}


@pytest.mark.parametrize(
    'code, place, fault',
    [
        ('B', (62.4, 101.0), 'B not above Pog'),
        ('Me', (55.4, 104.0), 'Me not lowest'),
        ('U1', (73.2, 45.0), 'not one below the other'),
        ('PNS', (60.0, 42.6), 'PNS not behind ANS'),
        ('UL', (85.9, 75.0), 'lips'),
        ('Go', (30.0, 81.4), 'Go not behind'),
        ('L1a', (66.0, 87.2), 'root in front'),
        ('Gn', (63.0, 101.0), 'two landmarks in one place'),
    ],
)
def test_impossible_faces_are_recognised(mean_points, code, place, fault):
    mean_points[code] = np.array(place)
    assert fault in find_fault(mean_points)


def test_no_impossible_face_is_built(faces):
    assert all(find_fault(face.points) is None for face in faces)
