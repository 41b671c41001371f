# Copyright (c) cape_mm contributors. All rights reserved.
"""Rows by device, by cephalogram, and by landmark of each cephalogram."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from ..functional.radial_error import image_errors, radial_errors
from .cephalogram_set import CephalogramSet
from .landmark_scorer import LandmarkScorer


def device_rows(
    cephalograms: CephalogramSet, unit: str, scorer: LandmarkScorer
) -> list[dict]:
    """Scores of the cephalograms of each X-ray device.

    Args:
        cephalograms (CephalogramSet): The cephalograms.
        unit (str): ``'px'``, or ``'mm'`` if there is a spacing.
        scorer (LandmarkScorer): What makes the scores.

    Returns:
        List[dict]: With ``device``, ``cephalograms``, ``N`` landmarks and the
        scores, by name.
    """
    rows = []
    for device in sorted(
        {cephalogram.device for cephalogram in cephalograms.cephalograms}
    ):
        members = CephalogramSet(
            [f for f in cephalograms.cephalograms if f.device == device]
        )
        rows.append(
            dict(
                device=device,
                cephalograms=len(members),
                N=int(members.valid.sum()),
                **scorer.radial_scores(members, unit),
            )
        )
    return rows


def cephalogram_rows(
    cephalograms: CephalogramSet, unit: str, codes: Sequence[str]
) -> list[dict]:
    """Errors of each cephalogram, the worst cephalogram first.

    Args:
        cephalograms (CephalogramSet): The cephalograms.
        unit (str): ``'px'``, or ``'mm'`` if there is a spacing.
        codes (Sequence[str]): K codes of the landmarks.

    Returns:
        List[dict]: With ``img_id``, ``img_path``, ``device``, ``N``,
        ``mean``, ``max`` and ``worst_landmark``. Cephalograms without labelled
        landmark are last, with NaN and an empty name.
    """
    errors = radial_errors(cephalograms.offsets(unit))
    errors = np.where(cephalograms.valid, errors, -np.inf)
    worst = errors.argmax(axis=1)
    rows = []
    for cephalogram, mean, largest, index in zip(
        cephalograms.cephalograms,
        image_errors(errors, cephalograms.valid).tolist(),
        errors.max(axis=1).tolist(),
        worst.tolist(),
    ):
        has_any = bool(cephalogram.valid.any())
        rows.append(
            dict(
                img_id=cephalogram.img_id,
                img_path=cephalogram.img_path,
                device=cephalogram.device,
                N=int(cephalogram.valid.sum()),
                mean=mean,
                max=largest if has_any else float('nan'),
                worst_landmark=codes[index] if has_any else '',
            )
        )
    return sorted(rows, key=lambda row: (row['N'] == 0, -row['mean']))


def landmark_rows(
    cephalograms: CephalogramSet, codes: Sequence[str]
) -> list[dict]:
    """Every landmark of every cephalogram.

    Args:
        cephalograms (CephalogramSet): The cephalograms.
        codes (Sequence[str]): K codes of the landmarks.

    Returns:
        List[dict]: N * K rows; NaN for the truth and the errors of what is
        not labelled, for millimetres where the cephalogram has no spacing, and
        for missing scores.
    """
    rows = []
    for cephalogram in cephalograms.cephalograms:
        spacing = (
            np.full(2, np.nan)
            if cephalogram.spacing is None
            else cephalogram.spacing
        )
        truth = np.where(
            cephalogram.valid[:, None], cephalogram.truth_px, np.nan
        )
        offsets = cephalogram.predicted_px - truth
        columns = np.column_stack(
            [
                truth,
                cephalogram.predicted_px,
                cephalogram.scores,
                radial_errors(offsets),
                radial_errors(offsets * spacing),
            ]
        )
        for code, valid, values in zip(
            codes, cephalogram.valid, columns.tolist()
        ):
            names = ('x_px', 'y_px', 'predicted_x_px', 'predicted_y_px',
                     'score', 'error_px', 'error_mm')  # fmt: skip
            rows.append(
                dict(
                    img_id=cephalogram.img_id,
                    img_path=cephalogram.img_path,
                    device=cephalogram.device,
                    landmark=code,
                    labelled=int(valid),
                    **dict(zip(names, values)),
                )
            )
    return rows
