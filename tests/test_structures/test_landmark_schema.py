# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from cape_mm.structures import available_schemas, get_schema

SIZES = dict(
    document19=19,
    isbi2015=19,
    cl_detection38=38,
    aariz29=29,
    cl_detection53=53,
    cephalogram23=23,
)


@pytest.mark.parametrize('name', SIZES)
def test_every_schema_has_its_landmarks_once(name):
    schema = get_schema(name)
    assert schema.name == name
    assert len(schema) == len(schema.landmarks) == SIZES[name]
    assert len(set(schema.codes)) == len(set(schema.names)) == SIZES[name]
    assert schema.title and schema.source
    for index, code in enumerate(schema.codes):
        assert schema.index_of(code) == index


def test_all_schemas_are_listed():
    assert set(available_schemas()) == set(SIZES)


def test_a_code_means_the_same_in_every_schema():
    meanings = {}
    for name in available_schemas():
        for landmark in get_schema(name).landmarks:
            meaning = meanings.setdefault(landmark.code, landmark.definition)
            assert landmark.definition == meaning
            assert bool(meaning) != (name == 'cl_detection53')
    assert len(set(meanings.values()) - {''}) == len(meanings) - 53


@pytest.mark.parametrize(
    'part, whole',
    [
        ('document19', 'cephalogram23'),
        ('isbi2015', 'cephalogram23'),
        ('isbi2015', 'cl_detection38'),
    ],
)
def test_subsets(part, whole):
    assert set(get_schema(part).codes) < set(get_schema(whole).codes)


def test_other_points_of_a_tooth_have_other_codes():
    molars = {
        name: {c for c in get_schema(name).codes if c[1:2] == '6'}
        for name in available_schemas()
    }
    # cusps and mesial contact points
    assert molars['aariz29'] == {'U6', 'L6'}
    assert molars['cl_detection38'] == {'U6m', 'L6m'}


def test_what_the_document_lacks():
    codes = get_schema('document19').codes
    assert not {'Or', 'Po', 'Ar', 'Pog'} & set(codes)
    assert codes[:4] == ('S', 'N', 'A', 'B') and codes[-1] == 'Gn'


def test_orders_of_the_files():
    isbi = get_schema('isbi2015').codes
    assert isbi[9:13] == ('Go', 'L1', 'U1', 'UL')
    assert get_schema('cl_detection38').codes[:19] == isbi
    aariz = get_schema('aariz29')
    assert aariz.names[aariz.index_of('U1a')] == 'UIA'
    assert get_schema('cl_detection53').names[52] == 'p53'


def test_metainfo_is_what_mmpose_takes():
    schema = get_schema('isbi2015')
    parsed = parse_pose_metainfo(schema.metainfo())
    assert parsed['num_keypoints'] == 19
    assert parsed['keypoint_id2name'][3] == 'Porion'
    # Nothing is mirrored to another landmark.
    assert parsed['flip_pairs'] == []
    assert parsed['flip_indices'] == list(range(19))
    colors = {tuple(color) for color in parsed['keypoint_colors'].tolist()}
    assert len(colors) == 19


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="'isbi'; there are document19, isbi"):
        get_schema('isbi')
    with pytest.raises(KeyError, match="'document19' has no landmark 'Po'; "):
        get_schema('document19').index_of('Po')
