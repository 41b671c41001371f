# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from support.golden_face import POINTS
from support.predicted_cephalogram import SIZE, make_predicted_cephalogram

from cape_mm.evaluation.functional.cephalometric_norms import load_norms
from cape_mm.structures import available_schemas, get_schema
from cape_mm.visualization import draw_sheet
from cape_mm.visualization.cephalometric_sheet import (
    _PANEL_INCHES,
    PLANES,
    find_planes,
)

GREY = np.full(SIZE[::-1], 90, np.uint8)
PANEL = round(100 * _PANEL_INCHES)


def count(image, color):
    """Pixels that are nearly of a colour."""
    distance = np.abs(image.astype(int) - color).sum(axis=-1)
    return int((distance < 60).sum())


def test_the_cephalogram_keeps_its_shape():
    sheet = draw_sheet(GREY, make_predicted_cephalogram(), height=500)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (500, 400 + PANEL, 3)


@pytest.mark.parametrize('channels', [None, 1, 3, 4])
def test_all_kinds_of_images(channels):
    cephalogram = make_predicted_cephalogram()
    image = GREY
    if channels is not None:
        image = np.repeat(GREY[..., None], channels, axis=2)
    sheet = draw_sheet(image, cephalogram, height=300)
    assert np.array_equal(sheet, draw_sheet(GREY, cephalogram, height=300))


def test_colours_of_the_cephalogram_are_not_exchanged():
    blue = np.zeros((*GREY.shape, 3), np.uint8)
    blue[..., 0] = 255
    sheet = draw_sheet(blue, make_predicted_cephalogram(), height=300)
    assert count(sheet[:, :200], (0, 0, 255)) > 20000


def test_landmarks_are_where_they_belong():
    cephalogram = make_predicted_cephalogram(S=0.0)
    sheet = draw_sheet(GREY, cephalogram, height=1000)
    # S at (40, 40) of 160 x 200 pixels; red where the model is uncertain
    x, y = (int((40 + 0.5) * 5) for _ in range(2))
    assert count(sheet[y - 2 : y + 3, x - 2 : x + 3], (165, 0, 38)) > 10


def test_radii_are_circles_in_millimetres():
    radii = np.full(23, 8.0)
    cephalogram = make_predicted_cephalogram((0.5, 0.25), radii=radii)
    plain = draw_sheet(
        GREY, make_predicted_cephalogram((0.5, 0.25)), height=1000
    )
    sheet = draw_sheet(GREY, cephalogram, height=1000)
    # Ar at (25.5, 71.8): 16 pixels to the left, 32 upwards; five times larger
    for x, y in ((25.5 - 16, 71.8), (25.5, 71.8 - 32)):
        column, row = int((x + 0.5) * 5), int((y + 0.5) * 5)
        around = np.s_[row - 4 : row + 5, column - 4 : column + 5]
        assert (sheet[around] > 150).all(axis=-1).sum() > 3
        assert (plain[around] > 150).all(axis=-1).sum() == 0


def test_what_is_uncertain_is_not_coloured_as_abnormal():
    colours = [(214, 39, 40), (31, 119, 180)]
    norms = load_norms()
    certain = draw_sheet(GREY, make_predicted_cephalogram(), norms=norms)
    cephalogram = make_predicted_cephalogram(radii=np.full(23, 30.0))
    uncertain = draw_sheet(GREY, cephalogram, norms=norms)
    found = [
        sum(count(sheet[:, -PANEL:], colour) for colour in colours)
        for sheet in (certain, uncertain)
    ]
    # what is left in the panel are lines of the legend
    assert found[0] > found[1] + 300


def test_planes_need_their_landmarks():
    cephalogram = make_predicted_cephalogram()
    orange = (255, 165, 0)
    with_frankfort = draw_sheet(GREY, cephalogram, height=600)
    index = cephalogram.landmark_codes.index('Po')
    keep = np.delete(np.arange(23), index)
    cephalogram.set_metainfo(
        dict(landmark_codes=tuple(cephalogram.landmark_codes[i] for i in keep))
    )
    landmarks = cephalogram.pred_instances
    cephalogram.pred_instances = type(landmarks)(
        keypoints=landmarks.keypoints[:, keep],
        keypoint_scores=landmarks.keypoint_scores[:, keep],
    )
    without = draw_sheet(GREY, cephalogram, height=600)
    assert count(with_frankfort, orange) > 200 > count(without, orange)


def test_what_to_beware_of_is_written():
    red = (214, 39, 40)
    plain = count(
        draw_sheet(GREY, make_predicted_cephalogram(), norms={}), red
    )
    for cephalogram in (
        make_predicted_cephalogram(spacing=None),
        make_predicted_cephalogram(notes=('lengths are too large',)),
        make_predicted_cephalogram(Go=0.2),
    ):
        found = count(draw_sheet(GREY, cephalogram, norms={}), red)
        assert found > plain + 50


def test_the_panel_never_overflows():
    cephalogram = make_predicted_cephalogram(
        notes=['a rather long remark ' * 8] * 4
    )
    sheet = draw_sheet(GREY, cephalogram, title='a long title ' * 20)
    assert (sheet[-4:, -PANEL:] == 255).all(), 'the last line is above'


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
