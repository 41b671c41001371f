# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.evaluation.functional.cephalometric_formulas import FORMULAS
from cape_mm.evaluation.functional.cephalometric_norms import (
    ISBI_MEASUREMENTS,
    available_norms,
    load_norms,
    read_entries,
)


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
