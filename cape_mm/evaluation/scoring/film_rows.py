# Copyright (c) cape_mm contributors. All rights reserved.
"""Rows by device, by film, and by landmark of each film."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from ..functional.radial_error import image_errors, radial_errors
from .film_set import FilmSet
from .landmark_scorer import LandmarkScorer


def device_rows(
    films: FilmSet, unit: str, scorer: LandmarkScorer
) -> list[dict]:
    """Scores of the films of each X-ray device.

    Args:
        films (FilmSet): The films.
        unit (str): ``'px'``, or ``'mm'`` if there is a spacing.
        scorer (LandmarkScorer): What makes the scores.

    Returns:
        List[dict]: With ``device``, ``films``, ``N`` landmarks and the
        scores, by name.
    """
    rows = []
    for device in sorted({film.device for film in films.films}):
        members = FilmSet([f for f in films.films if f.device == device])
        rows.append(
            dict(
                device=device,
                films=len(members),
                N=int(members.valid.sum()),
                **scorer.radial_scores(members, unit),
            )
        )
    return rows


def film_rows(films: FilmSet, unit: str, codes: Sequence[str]) -> list[dict]:
    """Errors of each film, the worst film first.

    Args:
        films (FilmSet): The films.
        unit (str): ``'px'``, or ``'mm'`` if there is a spacing.
        codes (Sequence[str]): K codes of the landmarks.

    Returns:
        List[dict]: With ``img_id``, ``img_path``, ``device``, ``N``,
        ``mean``, ``max`` and ``worst_landmark``. Films without labelled
        landmark are last, with NaN and an empty name.
    """
    errors = radial_errors(films.offsets(unit))
    errors = np.where(films.valid, errors, -np.inf)
    worst = errors.argmax(axis=1)
    rows = []
    for film, mean, largest, index in zip(
        films.films,
        image_errors(errors, films.valid).tolist(),
        errors.max(axis=1).tolist(),
        worst.tolist(),
    ):
        has_any = bool(film.valid.any())
        rows.append(
            dict(
                img_id=film.img_id,
                img_path=film.img_path,
                device=film.device,
                N=int(film.valid.sum()),
                mean=mean,
                max=largest if has_any else float('nan'),
                worst_landmark=codes[index] if has_any else '',
            )
        )
    return sorted(rows, key=lambda row: (row['N'] == 0, -row['mean']))


def landmark_rows(films: FilmSet, codes: Sequence[str]) -> list[dict]:
    """Every landmark of every film.

    Args:
        films (FilmSet): The films.
        codes (Sequence[str]): K codes of the landmarks.

    Returns:
        List[dict]: N * K rows; NaN for the truth and the errors of what is
        not labelled, for millimetres where the film has no spacing, and for
        missing scores.
    """
    rows = []
    for film in films.films:
        spacing = np.full(2, np.nan) if film.spacing is None else film.spacing
        truth = np.where(film.valid[:, None], film.truth_px, np.nan)
        offsets = film.predicted_px - truth
        columns = np.column_stack(
            [
                truth,
                film.predicted_px,
                film.scores,
                radial_errors(offsets),
                radial_errors(offsets * spacing),
            ]
        )
        for code, valid, values in zip(codes, film.valid, columns.tolist()):
            names = ('x_px', 'y_px', 'predicted_x_px', 'predicted_y_px',
                     'score', 'error_px', 'error_mm')  # fmt: skip
            rows.append(
                dict(
                    img_id=film.img_id,
                    img_path=film.img_path,
                    device=film.device,
                    landmark=code,
                    labelled=int(valid),
                    **dict(zip(names, values)),
                )
            )
    return rows
