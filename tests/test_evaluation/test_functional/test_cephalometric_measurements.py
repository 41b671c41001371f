# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from support.golden_face import EXPECTED, POINTS, place

from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.evaluation.functional.cephalometric_formulas import FORMULAS
from cape_mm.evaluation.functional.cephalometric_measurements import (
    find_facing,
    measure,
    missing_landmarks,
    name_points,
)
from cape_mm.structures import get_schema

SCHEMA = get_schema('cephalogram23')
UNIT = (1.0, 1.0)
ANGLES = [name for name, f in FORMULAS.items() if f.unit == 'deg']
RATIOS = [name for name, f in FORMULAS.items() if f.unit == '']
LENGTHS = [name for name, f in FORMULAS.items() if f.unit == 'mm']


def values(keypoints, visible, schema='cephalogram23', spacing=UNIT):
    results = measure(keypoints, visible, get_schema(schema), spacing)
    return {name: result.value for name, result in results.items()}


def turned(keypoints, degrees):
    angle = np.radians(degrees)
    sine, cosine = np.sin(angle), np.cos(angle)
    return keypoints @ np.array([[cosine, sine], [-sine, cosine]])


@pytest.fixture
def golden():
    return values(*place())


def assert_same(found, expected, names=FORMULAS):
    for name in names:
        assert found[name] == (
            None
            if expected[name] is None
            else pytest.approx(expected[name], abs=1e-9)
        ), name


@pytest.mark.parametrize('name', EXPECTED)
def test_golden_face(golden, name):
    digits = 2 if name in ('convexity', 'U1-NA', 'L1-NB', 'L1-NB_mm') else 3
    # one unit of the last digit that is known
    assert golden[name] == pytest.approx(EXPECTED[name], abs=0.6 * 10**-digits)


def test_all_measurements_of_the_golden_face_are_checked(golden):
    taken = {name for name, value in golden.items() if value is not None}
    derived = {'FMIA', 'PP-MP', 'SN-PP'}
    assert taken == EXPECTED.keys() | derived
    assert golden['FMIA'] == pytest.approx(180 - 24.992 - 92.919, abs=2e-3)
    # the palate is the difference of the two
    assert golden['PP-MP'] + golden['SN-PP'] == pytest.approx(golden['SN-MP'])


@pytest.mark.parametrize('degrees', [-30, 8, 90, 180])
def test_moving_and_turning_the_cephalogram_changes_nothing(golden, degrees):
    keypoints, visible = place()
    moved = turned(keypoints, degrees) + [1000, -300]
    assert_same(values(moved, visible), golden)


def test_mirroring_changes_nothing(golden):
    keypoints, visible = place()
    mirrored = keypoints * [-1, 1] + [500, 0]
    assert_same(values(mirrored, visible), golden)
    assert find_facing(name_points(mirrored, visible, SCHEMA)) == -1


def test_size_scales_distances_only(golden):
    keypoints, visible = place()
    scaled = values(2.5 * keypoints, visible)
    assert_same(scaled, golden, ANGLES + RATIOS)
    for name in LENGTHS:
        if golden[name] is not None:
            assert scaled[name] == pytest.approx(2.5 * golden[name])


def test_spacing_gives_millimetres_along_each_axis(golden):
    keypoints, visible = place()
    spacing = (0.1, 0.25)
    found = values(keypoints / spacing, visible, spacing=spacing)
    assert_same(found, golden)
    # square pixels are taken for granted without it, and were not there
    wrong = values(keypoints / spacing, visible, spacing=None)
    assert abs(wrong['SNA'] - golden['SNA']) > 3


def test_a_wrong_spacing_is_a_factor(golden):
    keypoints, visible = place()
    found = values(keypoints / 0.1, visible, spacing=(0.2, 0.2))
    assert found['S-N'] == pytest.approx(2 * golden['S-N'])
    assert found['SNA'] == pytest.approx(golden['SNA'])


def test_without_spacing_only_millimetres_are_missing(golden):
    keypoints, visible = place()
    results = measure(keypoints, visible, SCHEMA)
    for name in ANGLES + RATIOS:
        assert results[name].value == (
            golden[name] and pytest.approx(golden[name])
        )
    for name in LENGTHS:
        assert results[name].value is None
        assert 'spacing' in results[name].missing
    assert str(results['MW']) == 'not available: missing spacing'


def test_order_of_the_landmarks_does_not_matter(golden):
    for schema in ('document19', 'isbi2015', 'aariz29', 'cl_detection38'):
        keypoints, visible = place(schema)
        found = values(keypoints, visible, schema)
        names = [name for name in FORMULAS if found[name] is not None]
        horizontal = ('overjet', 'overbite', 'LAFH_vertical')
        if schema == 'document19':  # no Frankfort plane
            names = [name for name in names if name not in horizontal]
        assert len(names) > 15
        assert_same(found, golden, names)


GROUPS = {
    'base': 'SNA SNB ANB SN-MP SN-GoGn PP-MP SN-PP FHI MW U1-NA_mm L1-NB_mm',
    'frankfort': 'FMA Y-axis',
    'chin': 'facial_angle convexity ODI APDI',
    'roots': 'U1-SN U1-PP IMPA interincisal U1-NA L1-NB',
    'FMIA': 'FMIA',
    'nose': 'UL-E LL-E nasolabial',
    'Wits': 'Wits',
    'Ar': 'gonial N-S-Ar',
    'bite': 'overjet overbite',
}
SUPPORT = {
    'document19': 'base roots nose bite',
    'isbi2015': 'base frankfort chin Ar bite',
    'cl_detection38': ' '.join(GROUPS),
    'aariz29': ' '.join(GROUPS),
    'cl_detection53': '',
}


@pytest.mark.parametrize('schema', SUPPORT)
def test_each_schema_supports_its_groups(schema):
    missing = missing_landmarks(get_schema(schema).codes)
    for group, names in GROUPS.items():
        for name in names.split():
            is_there = group in SUPPORT[schema].split()
            assert bool(missing[name]) != is_there, name


def test_what_is_missing_is_named():
    keypoints, visible = place('document19')
    results = measure(keypoints, visible, get_schema('document19'), UNIT)
    assert str(results['FMA']) == 'not available: missing Po, Or'
    assert results['gonial'].missing == ('Ar',)
    assert str(results['SNA']) == '81.5 deg'
    assert str(results['FHI']) == '0.670'


@pytest.mark.parametrize('how', ['nan', 'invisible'])
@pytest.mark.parametrize('code', POINTS)
def test_a_missing_landmark_costs_what_needs_it_and_nothing_else(
    golden, code, how
):
    keypoints, visible = place()
    index = get_schema('cephalogram23').index_of(code)
    if how == 'nan':
        keypoints[index] = np.nan
    else:
        visible[index] = 0
        keypoints[index] = 1e6
    results = measure(keypoints, visible, SCHEMA, UNIT)
    for name, formula in FORMULAS.items():
        if code in formula.codes:
            assert results[name].value is None
            assert code in results[name].missing
        elif 'horizontal' not in formula.codes:
            assert_same({name: results[name].value}, golden, [name])


def test_horizontal_without_frankfort_plane_is_said():
    points = {c: p for c, p in POINTS.items() if c != 'Or'}
    keypoints, visible = place(points=points)
    results = measure(keypoints, visible, SCHEMA, UNIT)
    overjet, overbite = results['overjet'], results['overbite']
    assert '7 degrees' in overjet.note
    # S-N rises by 8.466 degrees: the horizontal is 1.466 degrees off
    off = np.radians(np.degrees(np.arctan2(10.3, 69.2)) - 7)
    rotated = turned(np.array([2.6, 2.0]), np.degrees(off))
    assert [overjet.value, overbite.value] == pytest.approx(rotated)
    assert results['LAFH_vertical'].note and not results['LAFH'].note
    assert not measure(*place(), SCHEMA, UNIT)['overjet'].note
    del points['S']
    keypoints, visible = place(points=points)
    results = measure(keypoints, visible, SCHEMA, UNIT)
    assert results['overjet'].missing == ('Or',)


def test_mw_is_negative_for_an_upper_incisor_behind_the_lower():
    points = dict(POINTS, U1=POINTS['L1'], L1=POINTS['U1'])
    found = values(*place(points=points))
    assert found['MW'] == pytest.approx(-3.280, abs=1e-3)
    assert found['overjet'] == pytest.approx(-2.6)


def test_wits_is_positive_for_a_in_front_of_b():
    # occlusal plane from (40, 70) to the incisors (71.9, 69.7)
    points = dict(POINTS, U6=(40, 68), L6=(40, 72))
    found = values(*place('aariz29', points), schema='aariz29')
    plane = np.array([31.9, -0.3]) / np.hypot(31.9, 0.3)
    expected = np.array([69.2 - 62.4, 46.7 - 87.4]) @ plane
    assert found['Wits'] == pytest.approx(expected)
    assert expected > 6.8


def test_contact_points_of_molars_stand_in_for_their_cusps():
    # half-way between them is half-way between the cusps of the test above
    points = dict(POINTS, U6m=(40, 66), L6m=(40, 74))
    keypoints, visible = place('cl_detection38', points)
    schema = get_schema('cl_detection38')
    wits = measure(keypoints, visible, schema, UNIT)['Wits']
    cusps = dict(POINTS, U6=(40, 68), L6=(40, 72))
    expected = values(*place('aariz29', cusps), schema='aariz29')['Wits']
    assert wits.value == pytest.approx(expected)
    assert wits.note == 'U6m in place of U6, L6m in place of L6'
    keypoints[get_schema('cl_detection38').index_of('L6m')] = np.nan
    schema = get_schema('cl_detection38')
    wits = measure(keypoints, visible, schema, UNIT)['Wits']
    assert wits.missing == ('L6',)


def test_signed_angles_pass_through_zero():
    flat = dict(POINTS, Go=(-8.1, 120.0))  # Go below Me
    assert values(*place(points=flat))['FMA'] == pytest.approx(
        -np.degrees(np.arctan2(9, 63.5))
    )
    upright = dict(POINTS, U1a=(74.2, 49.5))  # tip behind the apex
    assert values(*place(points=upright))['U1-NA'] < 0


def test_landmarks_in_one_place_are_no_error():
    keypoints, visible = np.full((23, 2), 7.0), np.full(23, 2)
    results = measure(keypoints, visible, SCHEMA, UNIT)
    assert {name: r.value for name, r in results.items() if r.value} == {}
    assert 'coincide' in results['SNA'].note
    assert 'direction' in results['FMA'].note
    assert results['S-N'].value == 0


def test_nothing_visible_is_no_error():
    keypoints = np.full((23, 2), np.nan)
    results = measure(keypoints, np.zeros(23), SCHEMA)
    assert all(r.value is None and r.missing for r in results.values())
    assert find_facing({}) is None


def test_facing_follows_from_any_of_its_landmarks():
    points = {code: np.array(xy, float) for code, xy in POINTS.items()}
    for back in ('S', 'Po', 'PNS', 'Ar', 'Go'):
        for front in ('N', 'ANS', 'A', 'Prn', 'Or', "N'"):
            for below in ('Me', 'Gn', 'Pog', 'B', "Pog'", 'L1', 'LL', 'UL'):
                some = {c: points[c] for c in (back, front, below)}
                assert find_facing(some) == 1, some


def test_measurements_are_those_a_face_was_built_from():
    codes = get_schema('cephalogram23').codes
    for seed in range(30):
        face = draw_face(np.random.default_rng(seed))
        keypoints = np.array([face.points[code] for code in codes])
        found = values(keypoints, np.ones(23))
        for name in face.measures.keys() & FORMULAS.keys():
            expected = face.measures[name]
            assert found[name] == pytest.approx(expected, abs=1e-6), name
        assert len(face.measures.keys() & FORMULAS.keys()) >= 8


def test_wrong_shapes_and_spacings_are_refused():
    keypoints, visible = place()
    with pytest.raises(ValueError, match='isbi2015'):
        measure(keypoints, visible, get_schema('isbi2015'))
    for spacing in ((0.0, 1.0), (np.nan, 1.0), (1.0,), (np.inf, 1.0)):
        with pytest.raises(ValueError, match='spacing'):
            measure(keypoints, visible, SCHEMA, spacing)
