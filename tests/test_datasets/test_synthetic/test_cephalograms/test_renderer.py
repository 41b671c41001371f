# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.datasets.synthetic import draw_cephalogram
from cape_mm.datasets.synthetic.cephalograms.renderer import (
    SCHEMA,
    develop,
    draw_ruler,
    render_cephalogram,
)

SOFT = ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")


@pytest.fixture(scope='module')
def cephalograms():
    return [draw_cephalogram(0, number) for number in range(60)]


def test_a_cephalogram_depends_on_seed_split_and_number_only(cephalograms):
    again = draw_cephalogram(0, 5)
    np.testing.assert_array_equal(again.image, cephalograms[5].image)
    np.testing.assert_array_equal(
        again.keypoints_px, cephalograms[5].keypoints_px
    )
    for other in (
        draw_cephalogram(1, 5),
        draw_cephalogram(0, 5, 'val'),
        cephalograms[6],
    ):
        assert (other.image != again.image).mean() > 0.5
    with pytest.raises(ValueError):
        draw_cephalogram(0, 5, 'training')


def test_a_finer_cephalogram_shows_the_same_head(cephalograms):
    fine = draw_cephalogram(0, 5, image_height=640)
    assert fine.image.shape == (640, 512)
    assert fine.spacing == pytest.approx(cephalograms[5].spacing / 2)
    coarse_mm = (cephalograms[5].keypoints_px + 0.5) * cephalograms[5].spacing
    fine_mm = (fine.keypoints_px + 0.5) * fine.spacing
    np.testing.assert_allclose(fine_mm, coarse_mm, atol=1e-9)
    small = cv2.resize(fine.image, (256, 320), interpolation=cv2.INTER_AREA)
    pair = [small.ravel(), cephalograms[5].image.ravel()]
    assert np.corrcoef(pair)[0, 1] > 0.95


def test_landmarks_are_on_the_cephalogram(cephalograms):
    for cephalogram in cephalograms:
        assert cephalogram.image.shape == (320, 256)
        assert cephalogram.image.dtype == np.uint8
        margin = cephalogram.keypoints_px * cephalogram.spacing
        assert (margin > 2.5).all()
        size = np.array([256, 320]) * cephalogram.spacing
        assert (size - margin > 2.5).all()
        assert set(cephalogram.visible.tolist()) <= {0, 2}


def test_the_cephalogram_shows_the_measured_face_in_millimetres(cephalograms):
    for cephalogram in cephalograms:
        for first, second in (('S', 'N'), ('Go', 'Me'), ('Prn', 'Ar')):
            ends = [cephalogram.points_px[code] for code in (first, second)]
            length = np.linalg.norm(ends[0] - ends[1]) * cephalogram.spacing
            ends = [cephalogram.face.points[code] for code in (first, second)]
            assert length == pytest.approx(np.linalg.norm(ends[0] - ends[1]))


def level(cephalogram, code, offset=(0.0, 0.0)):
    """Mean brightness around a point, offset in millimetres."""
    x, y = cephalogram.points_px[code] + np.array(offset) / cephalogram.spacing
    x = min(x, cephalogram.image.shape[1] - 2)
    return cephalogram.image[
        int(y) - 1 : int(y) + 3, int(x) - 1 : int(x) + 3
    ].mean()


def test_invisible_landmarks_are_not_rendered(cephalograms):
    index = {code: SCHEMA.index_of(code) for code in ('Po', 'Or', 'Prn')}
    hidden = {
        code: [
            cephalogram
            for cephalogram in cephalograms
            if cephalogram.visible[i] == 0
        ]
        for code, i in index.items()
    }
    assert all(0 < len(some) < 12 for some in hidden.values())
    for cephalogram in cephalograms:
        # Behind the tip of the nose there is skin, before it there is air.
        is_visible = cephalogram.visible[index['Prn']] > 0
        step = level(cephalogram, 'Prn', (-5, 0)) - level(
            cephalogram, 'Prn', (4, 0)
        )
        assert (step > 12) == is_visible
        assert (
            cephalogram.visible[[SCHEMA.index_of(c) for c in SOFT]] > 0
        ).all() == (is_visible)
    contrast = {
        code: [
            level(cephalogram, code) - level(cephalogram, code, away)
            for cephalogram in cephalograms
        ]
        for code, away in (('Po', (0, 4)), ('Or', (0, -5)))
    }
    for code, values in contrast.items():
        visible = np.array(
            [
                cephalogram.visible[index[code]] > 0
                for cephalogram in cephalograms
            ]
        )
        values = np.array(values)
        assert np.median(values[visible]) > np.median(values[~visible]) + 15


def test_dense_things_are_bright(cephalograms):
    steps = dict(
        S=((0, -3), (0, 5.3)), Go=((-4, 2), (4, -2)), Me=((0, 6), (0, -3)),
        Pog=((4, 0), (-3, 0)), ANS=((3, -1), (-5, 1.5)),
    )  # fmt: skip
    for code, (outside, inside) in steps.items():
        higher = [
            level(cephalogram, code, inside)
            > level(cephalogram, code, outside)
            for cephalogram in cephalograms
        ]
        assert np.mean(higher) > 0.9, code


def test_one_cephalogram_of_four_has_another_spacing(cephalograms):
    spacings = [cephalogram.spacing for cephalogram in cephalograms]
    assert all(
        (spacing == 0.75) == (number % 4 != 3)
        for number, spacing in enumerate(spacings)
    )
    assert len(set(spacings)) == 4


def test_the_ruler_gives_the_spacing(cephalograms):
    for cephalogram in cephalograms:
        (x, top), (_, bottom) = cephalogram.ruler['ticks_px']
        assert (bottom - top) * cephalogram.spacing == pytest.approx(
            cephalogram.ruler['length_mm']
        )
        ticks = int(cephalogram.ruler['length_mm'] / 10) + 1
        # All ticks are longer than this column is away from the ruler.
        column = cephalogram.image[
            :, int(x - 2.0 / cephalogram.spacing)
        ].astype(float)
        places = np.linspace(top, bottom, 2 * ticks - 1).round().astype(int)
        on, between = column[places[::2]], column[places[1::2]]
        assert on.mean() > between.mean() + 25
        # Another spacing would put the ticks elsewhere.
        wrong = (top + (places[::2] - top) * 1.35).round().astype(int)
        wrong = wrong[wrong < len(column)]
        assert on.mean() > column[wrong].mean() + 10


def test_a_cephalogram_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match='too small for a head'):
        render_cephalogram(np.random.default_rng(0), (100, 120), 0.75)


@pytest.mark.parametrize('seed', range(8))
def test_denser_is_brighter(seed):
    steps = np.repeat(np.linspace(0.0, 1.2, 5, dtype=np.float32), 40)
    attenuation = np.broadcast_to(steps, (200, 200)).copy()
    image = develop(attenuation, 0.75, np.random.default_rng(seed))
    assert image.shape == (200, 200) and image.dtype == np.uint8
    means = image.reshape(200, 5, 40)[40:160, :, 10:30].mean(axis=(0, 2))
    assert (np.diff(means) > 8).all()


def test_cephalograms_look_different():
    flat = np.full((100, 80), 0.4, np.float32)
    means = [
        develop(flat.copy(), 0.75, np.random.default_rng(seed)).mean()
        for seed in range(20)
    ]
    assert np.std(means) > 10


def test_the_ruler_is_as_long_as_it_says():
    attenuation = np.zeros((320, 256), np.float32)
    ruler = draw_ruler(attenuation, 0.5, np.random.default_rng(0))
    (_, top), (_, bottom) = ruler['ticks_px']
    assert (bottom - top) * 0.5 == ruler['length_mm']
    rows = np.flatnonzero(attenuation.any(axis=1))
    assert abs(rows[0] - top) <= 2
    assert abs(rows[-1] - bottom) <= 2
