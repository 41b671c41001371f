# Copyright (c) cape_mm contributors. All rights reserved.
"""Rows and messages of :class:`CephalometricMetric`."""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np

from ...functional.collapse import LIMITS
from ...functional.radial_error import image_errors, radial_errors
from ..result_tables import format_table
from .cephalograms import CephalogramSet

_NUM_NAMED = 5
_COLUMNS = (
    'x_px', 'y_px', 'predicted_x_px', 'predicted_y_px', 'score', 'error_px',
    'error_mm',
)  # fmt: skip


def cephalogram_rows(
    cephalograms: CephalogramSet, unit: str, codes: Sequence[str]
) -> list[dict]:
    """Errors of each cephalogram, largest first, without landmark last."""
    errors = np.where(cephalograms.valid, cephalograms.errors(unit), -np.inf)
    means = image_errors(errors, cephalograms.valid).tolist()
    rows = []
    entries = zip(cephalograms.cephalograms, errors, means)
    for cephalogram, row, mean in entries:
        has_any = bool(cephalogram.valid.any())
        rows.append(
            dict(
                img_id=cephalogram.img_id,
                img_path=cephalogram.img_path,
                device=cephalogram.device,
                N=int(cephalogram.valid.sum()),
                mean=mean,
                max=float(row.max()) if has_any else float('nan'),
                worst_landmark=codes[row.argmax()] if has_any else '',
            )
        )
    return sorted(rows, key=lambda row: (row['N'] == 0, -row['mean']))


def prediction_rows(
    cephalograms: CephalogramSet, codes: Sequence[str]
) -> list[dict]:
    """Positions and errors of all landmarks, N * K rows; NaN where unknown."""
    valid, predicted = cephalograms.valid, cephalograms.predicted_px
    truth = np.where(valid[..., None], cephalograms.truth_px, np.nan)
    offsets = predicted - truth
    numbers = (
        cephalograms.scores,
        radial_errors(offsets),
        radial_errors(offsets * cephalograms.spacings[:, None]),
    )
    values = np.concatenate([truth, predicted, np.stack(numbers, -1)], -1)
    return [
        dict(
            img_id=one.img_id,
            img_path=one.img_path,
            device=one.device,
            landmark=code,
            labelled=int(is_labelled),
            **dict(zip(_COLUMNS, row)),
        )
        for one, rows in zip(cephalograms.cephalograms, values.tolist())
        for code, is_labelled, row in zip(codes, one.valid, rows)
    ]


def report_worst(rows: list[dict], unit: str) -> str:
    """Table of the cephalograms with the largest mean errors."""
    table = [
        {
            'cephalogram': f'{row["img_id"]} {row["img_path"]}',
            'worst landmark': row['worst_landmark'],
            'mean': row['mean'],
            'max': row['max'],
        }
        for row in rows[:_NUM_NAMED]
    ]
    heading = f'Cephalograms with the largest errors in {unit}'
    return f'{heading}\n{format_table(table)}'


def report_spread(ratios: Mapping[str, float]) -> str:
    """Name the landmarks that follow the image least: a median hides them."""
    limits = LIMITS['spread_ratio']
    low, high = limits['warn_below'], limits['warn_above']
    bad = {c: r for c, r in ratios.items() if r < low or r > high}
    if not bad:
        return ''
    # 0 is further from 1 than anything
    worst = sorted(bad, key=lambda c: -abs(np.log(max(bad[c], 1e-9))))
    named = ', '.join(f'{code} {bad[code]:.2f}' for code in worst[:_NUM_NAMED])
    dots = ', ...' if len(worst) > _NUM_NAMED else ''
    return (
        f'Spread over cephalograms, predicted by true, below {low:g} or above '
        f'{high:g} for {len(bad)} of {len(ratios)} landmarks: {named}{dots}'
    )


def report_missing_spacing(cephalograms: CephalogramSet) -> str:
    """Reason that there are no millimetres, with the remedy."""
    missing = cephalograms.without_spacing
    named = ', '.join(f'{c.img_id} ({c.img_path})' for c in missing[:3])
    if any(cephalogram.has_spacing_field for cephalogram in missing):
        remedy = (
            "Put the millimetres per pixel as 'spacing' into the annotation "
            'file'
        )
    else:
        remedy = (
            "The data samples have no 'spacing': add it to the meta_keys of "
            'PackPoseInputs'
        )
    return (
        f'No errors in millimetres: the spacing of {len(missing)} of '
        f'{len(cephalograms)} images is unknown, e.g. {named}. {remedy}'
    )
