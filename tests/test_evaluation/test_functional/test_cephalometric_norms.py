# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from support.closed_form_classes import classify
from support.golden_face import place

from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.evaluation.functional.cephalometric_formulas import FORMULAS
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.evaluation.functional.cephalometric_norms import (
    ISBI_MEASUREMENTS,
    available_norms,
    isbi_class,
    isbi_class_name,
    isbi_types,
    load_norms,
    read_entries,
)
from cape_mm.structures import get_schema


def types_of(keypoints, visible, schema='cephalogram23', spacing=(1.0, 1.0)):
    results = measure(keypoints, visible, get_schema(schema), spacing)
    return isbi_types({name: r.value for name, r in results.items()})


def test_the_golden_face_is_normal_in_all_eight():
    assert types_of(*place()) == dict.fromkeys(ISBI_MEASUREMENTS, 1)


# Measurement: lower and upper limit of class 1, class above, class below.
LIMITS = {
    'ANB': (3.2, 5.7, 2, 3), 'SNB': (74.6, 78.7, 3, 2),
    'SNA': (79.4, 83.2, 2, 3), 'ODI': (68.4, 80.5, 2, 3),
    'APDI': (77.6, 85.2, 3, 2), 'FHI': (0.65, 0.75, 2, 3),
    'SN-GoGn': (26.8, 31.4, 2, 3),
}  # fmt: skip


@pytest.mark.parametrize('name', LIMITS)
def test_limits_belong_to_the_normal_class(name):
    low, high, above, below = LIMITS[name]
    for value, code in (
        (low - 1e-6, below), (low, 1), (high, 1), (high + 1e-6, above),
    ):  # fmt: skip
        assert isbi_class(name, value) == code


@pytest.mark.parametrize(
    'value, code',
    [(-0.01, 3), (0, 2), (0.01, 0), (1.99, 0), (2, 1), (4.5, 1), (4.51, 4)],
)
def test_mw_has_a_gap_with_a_code_of_its_own(value, code):
    assert isbi_class('MW', value) == code


def test_the_document_schema_gives_six_types():
    types = types_of(*place('document19'), 'document19')
    missing = [name for name, code in types.items() if code is None]
    assert missing == ['ODI', 'APDI']
    types = types_of(*place('document19'), 'document19', None)
    assert types['MW'] is None and types['ANB'] == 1


def test_nan_and_absence_have_no_type():
    types = isbi_types({'SNA': float('nan'), 'ANB': None})
    assert types == dict.fromkeys(ISBI_MEASUREMENTS)


def test_names_of_the_classes():
    assert isbi_class_name('ANB', 2) == 'skeletal class II'
    assert isbi_class_name('MW', 3) == 'anterior crossbite'
    assert isbi_class_name('MW', 0)
    with pytest.raises(KeyError):
        isbi_class_name('ANB', 4)


def test_synthetic_faces_have_the_types_they_were_made_with():
    codes = get_schema('cephalogram23').codes
    found = {name: set() for name in ISBI_MEASUREMENTS}
    for seed in range(60):
        face = draw_face(np.random.default_rng(seed))
        keypoints = np.array([face.points[code] for code in codes])
        types = types_of(keypoints, np.ones(23))
        expected = classify(face)
        expected['SN-GoGn'] = expected.pop('FMA')
        assert types == expected
        for name, code in types.items():
            found[name].add(code)
    assert all(len(codes) >= 3 for codes in found.values()), found


@pytest.mark.parametrize('name', available_norms())
def test_norms_are_of_measurements_and_say_where_they_come_from(name):
    norms = load_norms(name)
    assert norms and norms.keys() <= FORMULAS.keys()
    assert len(norms) == len(read_entries(name))
    for norm in norms.values():
        assert norm.population and norm.source
        assert norm.mean is not None or norm.band is not None
        if norm.band is not None:
            low, high = norm.band
            assert low < high
            assert norm.mean is None or low <= norm.mean <= high


def test_customary_norms():
    norms = load_norms()
    assert (norms['SNA'].mean, norms['SNA'].sd) == (82, 3.5)
    assert norms['SNA'].band == (78.5, 85.5)
    assert norms['FMA'].mean == 25 and norms['SN-GoGn'].mean == 32
    assert norms['interincisal'].band is None


def test_judgement_of_a_value():
    norms = load_norms()
    judged = [norms['SNA'].judge(v) for v in (78.4, 78.5, 85.5, 85.6)]
    assert judged == ['low', 'normal', 'normal', 'high']
    assert norms['interincisal'].judge(131) == ''


def test_isbi_bands_are_those_of_class_1():
    entries = read_entries('isbi2015')
    assert tuple(e['measurement'] for e in entries) == ISBI_MEASUREMENTS
    for entry in entries:
        (normal,) = [c for c in entry['classes'] if c['code'] == 1]
        assert [normal['min'], normal['max']] == entry['band']


def test_unknown_norms():
    with pytest.raises(KeyError, match='customary'):
        load_norms('martians')
