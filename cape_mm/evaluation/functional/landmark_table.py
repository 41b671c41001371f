# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Dict, Sequence, Union

import numpy as np

from .radial_error import detected, radial_errors

Row = Dict[str, Union[str, int, float]]


def landmark_table(
    offsets: np.ndarray,
    valid: np.ndarray,
    names: Sequence[str],
    thresholds: Sequence[float] = (),
    strict: bool = False,
) -> list[Row]:
    """Describe the errors of each landmark.

    Args:
        offsets (np.ndarray): (N, K, 2) predicted minus true positions.
        valid (np.ndarray): (N, K) bool, True where a landmark counts.
        names (Sequence[str]): K names of the rows.
        thresholds (Sequence[float]): Of the detection rates, in the unit of
            the offsets. Defaults to none.
        strict (bool): See :func:`detected`. Defaults to False.

    Returns:
        List[Dict]: K rows with ``landmark``, ``N`` images, ``mean``,
        ``SD``, ``median``, ``p95`` (95th percentile) and ``max`` of the
        radial errors, ``SDR_<threshold>`` in percent, ``dx`` and ``dy`` = mean
        offset, that is the bias to the right and downwards. NaN for a
        landmark that never counts.
    """
    errors = radial_errors(offsets)
    rows = []
    for index, name in enumerate(names):
        counted = valid[:, index]
        rows.append(
            _describe(
                name,
                errors[counted, index],
                offsets[counted, index],
                thresholds,
                strict,
            )
        )
    return rows


def _describe(
    name: str,
    errors: np.ndarray,
    offsets: np.ndarray,
    thresholds: Sequence[float],
    strict: bool,
) -> Row:
    count = len(errors)
    if not count:  # a row of NaN
        errors, offsets = np.full(1, np.nan), np.full((1, 2), np.nan)
    row: Row = dict(
        landmark=name,
        N=count,
        mean=float(errors.mean()),
        SD=float(errors.std()),
        median=float(np.median(errors)),
        p95=float(np.quantile(errors, 0.95)),
        max=float(errors.max()),
    )
    for threshold in thresholds:
        share = detected(errors, threshold, strict).mean()
        rate = 100.0 * float(share) if count else float('nan')
        row[f'SDR_{threshold:g}'] = rate
    row.update(zip(('dx', 'dy'), offsets.mean(axis=0).tolist()))
    return row
