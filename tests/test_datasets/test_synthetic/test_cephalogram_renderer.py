# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.datasets.synthetic import draw_film
from cape_mm.datasets.synthetic.cephalogram_cranium import draw_vault_outline
from cape_mm.datasets.synthetic.cephalogram_face import draw_face
from cape_mm.datasets.synthetic.cephalogram_renderer import (
    SCHEMA,
    render_film,
)
from cape_mm.datasets.synthetic.cephalogram_soft_tissue import draw_skin

SOFT = ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")


@pytest.fixture(scope='module')
def films():
    return [draw_film(0, number) for number in range(60)]


def test_a_film_depends_on_seed_split_and_number_only(films):
    again = draw_film(0, 5)
    np.testing.assert_array_equal(again.picture, films[5].picture)
    np.testing.assert_array_equal(again.keypoints_px, films[5].keypoints_px)
    for other in (draw_film(1, 5), draw_film(0, 5, 'val'), films[6]):
        assert (other.picture != again.picture).mean() > 0.5
    with pytest.raises(ValueError):
        draw_film(0, 5, 'training')


def test_a_finer_film_shows_the_same_head(films):
    fine = draw_film(0, 5, image_height=640)
    assert fine.picture.shape == (640, 512)
    assert fine.spacing == pytest.approx(films[5].spacing / 2)
    coarse_mm = (films[5].keypoints_px + 0.5) * films[5].spacing
    fine_mm = (fine.keypoints_px + 0.5) * fine.spacing
    np.testing.assert_allclose(fine_mm, coarse_mm, atol=1e-9)
    small = cv2.resize(fine.picture, (256, 320), interpolation=cv2.INTER_AREA)
    pair = [small.ravel(), films[5].picture.ravel()]
    assert np.corrcoef(pair)[0, 1] > 0.95


def test_landmarks_are_on_the_film(films):
    for film in films:
        assert film.picture.shape == (320, 256)
        assert film.picture.dtype == np.uint8
        margin = film.keypoints_px * film.spacing
        assert (margin > 2.5).all()
        size = np.array([256, 320]) * film.spacing
        assert (size - margin > 2.5).all()
        assert set(film.visible.tolist()) <= {0, 2}


def test_the_film_shows_the_measured_face_in_millimetres(films):
    for film in films:
        for first, second in (('S', 'N'), ('Go', 'Me'), ('Prn', 'Ar')):
            ends = [film.points_px[code] for code in (first, second)]
            length = np.linalg.norm(ends[0] - ends[1]) * film.spacing
            ends = [film.face.points[code] for code in (first, second)]
            assert length == pytest.approx(np.linalg.norm(ends[0] - ends[1]))


def test_landmarks_are_inside_of_the_skin_or_on_it():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        face = draw_face(rng)
        skin = draw_skin(
            face.points, draw_vault_outline(face.points, rng), rng
        )
        contour = skin.astype(np.float32)[:, None]
        for code, (x, y) in face.points.items():
            depth = cv2.pointPolygonTest(contour, (float(x), float(y)), True)
            if code in SOFT:
                assert abs(depth) < 0.01, code
            else:
                assert depth > 1.0, (seed, code)


def level(film, code, offset=(0.0, 0.0)):
    """Mean brightness around a point, offset in millimetres."""
    x, y = film.points_px[code] + np.array(offset) / film.spacing
    x = min(x, film.picture.shape[1] - 2)
    return film.picture[
        int(y) - 1 : int(y) + 3, int(x) - 1 : int(x) + 3
    ].mean()


def test_unseen_landmarks_are_not_drawn(films):
    index = {code: SCHEMA.index_of(code) for code in ('Po', 'Or', 'Prn')}
    hidden = {
        code: [film for film in films if film.visible[i] == 0]
        for code, i in index.items()
    }
    assert all(0 < len(some) < 12 for some in hidden.values())
    for film in films:
        # Behind the tip of the nose there is skin, before it there is air.
        is_seen = film.visible[index['Prn']] > 0
        step = level(film, 'Prn', (-5, 0)) - level(film, 'Prn', (4, 0))
        assert (step > 12) == is_seen
        assert (
            film.visible[[SCHEMA.index_of(c) for c in SOFT]] > 0
        ).all() == (is_seen)
    contrast = {
        code: [level(film, code) - level(film, code, away) for film in films]
        for code, away in (('Po', (0, 4)), ('Or', (0, -5)))
    }
    for code, values in contrast.items():
        seen = np.array([film.visible[index[code]] > 0 for film in films])
        values = np.array(values)
        assert np.median(values[seen]) > np.median(values[~seen]) + 15


def test_dense_things_are_bright(films):
    steps = dict(
        S=((0, -3), (0, 5.3)), Go=((-4, 2), (4, -2)), Me=((0, 6), (0, -3)),
        Pog=((4, 0), (-3, 0)), ANS=((3, -1), (-5, 1.5)),
    )  # fmt: skip
    for code, (outside, inside) in steps.items():
        higher = [
            level(film, code, inside) > level(film, code, outside)
            for film in films
        ]
        assert np.mean(higher) > 0.9, code


def test_one_film_of_four_has_another_spacing(films):
    spacings = [film.spacing for film in films]
    assert all(
        (spacing == 0.75) == (number % 4 != 3)
        for number, spacing in enumerate(spacings)
    )
    assert len(set(spacings)) == 4


def test_the_ruler_tells_the_spacing(films):
    for film in films:
        (x, top), (_, bottom) = film.ruler_px
        assert (bottom - top) * film.spacing == pytest.approx(film.ruler_mm)
        ticks = int(film.ruler_mm / 10) + 1
        # All ticks are longer than this column is away from the ruler.
        column = film.picture[:, int(x - 2.0 / film.spacing)].astype(float)
        places = np.linspace(top, bottom, 2 * ticks - 1).round().astype(int)
        on, between = column[places[::2]], column[places[1::2]]
        assert on.mean() > between.mean() + 25
        # Another spacing would put the ticks elsewhere.
        wrong = (top + (places[::2] - top) * 1.35).round().astype(int)
        wrong = wrong[wrong < len(column)]
        assert on.mean() > column[wrong].mean() + 10


def test_a_film_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match='too small for a head'):
        render_film(np.random.default_rng(0), (100, 120), 0.75)
