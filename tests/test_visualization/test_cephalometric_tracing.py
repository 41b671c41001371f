# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from support.golden_face import POINTS

from cape_mm.structures import available_schemas, get_schema
from cape_mm.visualization.cephalometric_tracing import PLANES, find_planes

FACE = {code: np.array(point, float) for code, point in POINTS.items()}


def test_planes_pass_through_their_landmarks():
    for plane, ends in find_planes(FACE):
        direction = ends[1] - ends[0]
        for code in (*plane.start, *plane.end):
            offset = FACE[code] - ends[0]
            cross = direction[0] * offset[1] - direction[1] * offset[0]
            assert abs(cross) < 1e-6 * (direction**2).sum()
            along = offset @ direction / (direction**2).sum()
            assert 0 <= along <= 1, 'the line reaches beyond both'


def test_planes_without_landmarks_are_left_out():
    names = {plane.name for plane, _ in find_planes(FACE)}
    assert {plane.name for plane in PLANES} - names == {'occlusal'}
    assert not find_planes({'S': FACE['S']})


def test_occlusal_plane_is_between_the_jaws():
    face = dict(FACE, U6=np.array([40.0, 68.0]), L6=np.array([40.0, 70.0]))
    ends = {plane.name: ends for plane, ends in find_planes(face)}['occlusal']
    middle = (FACE['U1'] + FACE['L1']) / 2
    direction, offset = ends[1] - ends[0], middle - ends[0]
    assert np.isclose(
        direction[0] * offset[1], direction[1] * offset[0], atol=1e-6
    )
    assert ends[0][0] < 40
    # the same between the contact points, which other schemas have
    face = dict(FACE, U6m=np.array([40.0, 68.0]), L6m=np.array([40.0, 70.0]))
    again = {plane.name: ends for plane, ends in find_planes(face)}
    assert np.array_equal(again['occlusal'], ends)


def test_every_plane_belongs_to_a_schema():
    codes = {
        code for name in available_schemas() for code in get_schema(name).codes
    }
    for plane in PLANES:
        assert {*plane.start, *plane.end} <= codes, plane.name
