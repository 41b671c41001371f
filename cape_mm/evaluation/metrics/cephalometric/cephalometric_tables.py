# Copyright (c) cape_mm contributors. All rights reserved.
"""Tables and messages of :class:`CephalometricMetric`."""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np

from ...functional.collapse import LIMITS
from ...functional.radial_error import image_errors, radial_errors
from ..result_tables import format_table
from .cephalograms import CephalogramSet
from .landmark_scorer import LandmarkScorer


def report_landmarks(rows: list[dict], unit: str) -> str:
    """The table of the landmarks.

    Args:
        rows (List[dict]): Of :func:`landmark_table`.
        unit (str): Of the errors.

    Returns:
        str: Several lines.
    """
    return (
        f'Radial errors by landmark in {unit}; SDR in percent; dx, dy: bias '
        f'to the right and downwards\n{format_table(rows)}'
    )


def report_devices(rows: list[dict], unit: str) -> str:
    """The table of the X-ray devices.

    Args:
        rows (List[dict]): With ``device``, ``cephalograms`` and the scores.
        unit (str): Of the errors.

    Returns:
        str: Several lines.
    """
    rows = [dict(row, device=row['device'] or '(none)') for row in rows]
    return f'Radial errors by device in {unit}\n{format_table(rows)}'


def report_worst(rows: list[dict], unit: str, count: int = 5) -> str:
    """The cephalograms with the largest mean errors.

    Args:
        rows (List[dict]): With ``img_id``, ``img_path``, ``mean`` and
            ``worst_landmark``, the worst first.
        unit (str): Of the errors.
        count (int): How many to show. Defaults to 5.

    Returns:
        str: Several lines.
    """
    shown = [
        {
            'cephalogram': f'{row["img_id"]} {row["img_path"]}',
            'worst landmark': row['worst_landmark'],
            'mean': row['mean'],
            'max': row['max'],
        }
        for row in rows[:count]
    ]
    return (
        'Cephalograms with the largest errors in '
        f'{unit}\n{format_table(shown)}'
    )


def report_spread(ratios: Mapping[str, float], count: int = 5) -> str:
    """The landmarks that follow the image least, if any do badly.

    The ``spread_ratio`` of all is a median, which hides a few.

    Args:
        ratios (Mapping[str, float]): Spread over cephalograms, predicted by
            true, by code; NaN where it says nothing.
        count (int): How many to name at most. Defaults to 5.

    Returns:
        str: One line; empty if all are within the limits of a warning.
    """
    limits = LIMITS['spread_ratio']
    bad = {
        code: ratio
        for code, ratio in ratios.items()
        if ratio < limits['warn_below'] or ratio > limits['warn_above']
    }
    if not bad:
        return ''
    # 0 is further from 1 than anything
    worst = sorted(bad, key=lambda c: -abs(np.log(max(bad[c], 1e-9))))
    shown = ', '.join(f'{code} {bad[code]:.2f}' for code in worst[:count])
    dots = ', ...' if len(worst) > count else ''
    return (
        f'Spread over cephalograms, predicted by true, below '
        f'{limits["warn_below"]:g} or above {limits["warn_above"]:g} for '
        f'{len(bad)} of {len(ratios)} landmarks: {shown}{dots}'
    )


def report_result(
    metrics: dict[str, float],
    intervals: dict[str, list[float]],
    bootstrap: dict | None,
    spread: str,
    shape_source: str,
) -> str:
    """The result and how it was taken.

    Args:
        metrics (Dict[str, float]): By key.
        intervals (Dict[str, List[float]]): Both ends by key; may be empty.
        bootstrap (dict, optional): How they were made.
        spread (str): How far the cephalograms' means differ.
        shape_source (str): Whose mean shape ``skill`` compares with.

    Returns:
        str: Several lines.
    """
    lines = [
        'Result: MRE and SD over all labelled landmarks in one pool; SDR in '
        f'percent; PCK from 0 to 1. {spread}. Skill is against the mean shape '
        f'of {shape_source}'
    ]
    if intervals:
        lines.append(
            f'low, high: {100 * bootstrap["level"]:g} % interval, '
            f'{bootstrap["num_samples"]} resamples of whole cephalograms'
        )
    rows = []
    for key, value in metrics.items():
        row = dict(metric=key, value=value)
        if intervals:
            row.update(zip(('low', 'high'), intervals.get(key, ('', ''))))
        rows.append(row)
    return '\n'.join([*lines, format_table(rows)])


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
