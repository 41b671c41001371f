# Copyright (c) cape_mm contributors. All rights reserved.
"""Results for cephalograms as plain values and tables."""

from __future__ import annotations

import csv
from math import isfinite
from pathlib import Path
from typing import Any, Mapping, Sequence

from mmpose.structures import PoseDataSample

from cape_mm.evaluation.functional.cephalometric_norms import Norm, load_norms
from cape_mm.structures import get_schema


def landmark_table(result: PoseDataSample) -> list[dict[str, Any]]:
    """Tabulate the landmarks of a cephalogram.

    Args:
        result (PoseDataSample): Result of :class:`CephalometricInferencer`.

    Returns:
        list[dict[str, Any]]: A row for each landmark: ``landmark`` (its
        code), ``name``, ``x_px``, ``y_px`` (original pixels), ``x_mm``,
        ``y_mm`` (None without spacing), ``confidence``, ``radius_px`` (along
        x) and ``radius_mm``, the 95 % radius (None without calibration, the
        latter also without spacing).
    """
    landmarks = result.pred_instances
    places_px = landmarks.keypoints[0].tolist()
    places_mm: Sequence = [(None, None)] * len(places_px)
    radii_px: Sequence = [None] * len(places_px)
    radii_mm: Sequence = radii_px
    if 'keypoint_radii' in landmarks:
        radii_px = landmarks.keypoint_radii[0]
        if result.spacing is not None:
            radii_mm, radii_px = radii_px, radii_px / result.spacing[0]
    if 'keypoints_mm' in landmarks:
        places_mm = landmarks.keypoints_mm[0].tolist()
    return [
        dict(
            landmark=landmark.code,
            name=landmark.name,
            x_px=_round(px[0], 2),
            y_px=_round(px[1], 2),
            x_mm=_round(mm[0], 3),
            y_mm=_round(mm[1], 3),
            confidence=_round(score, 4),
            radius_px=_round(radius_px, 2),
            radius_mm=_round(radius_mm, 3),
        )
        for landmark, px, mm, score, radius_px, radius_mm in zip(
            get_schema(result.schema).landmarks,
            places_px,
            places_mm,
            landmarks.keypoint_scores[0].tolist(),
            radii_px,
            radii_mm,
        )
    ]


def measurement_table(
    result: PoseDataSample, norms: Mapping[str, Norm] | None = None
) -> list[dict[str, Any]]:
    """Tabulate the measurements of a cephalogram beside norms.

    Args:
        result (PoseDataSample): Result of :class:`CephalometricInferencer`.
        norms (Mapping[str, Norm], optional): Norms by measurement. Defaults
            to the customary ones.

    Returns:
        list[dict[str, Any]]: A row for each measurement: ``measurement``,
        ``value`` (None if not available), ``unit``, ``low`` and ``high``
        (ends of the 95 % interval, None without calibration), ``normal_low``,
        ``normal_high`` (None without a band), ``verdict`` (``'low'``,
        ``'normal'``, ``'high'``, ``'uncertain'`` if the interval reaches
        across an end of the band, or empty), ``remark`` (reason why it is not
        available, or a note).
    """
    norms = load_norms() if norms is None else norms
    rows = []
    for name, measurement in result.measurements.items():
        norm = norms.get(name)
        band = (norm.band if norm else None) or (None, None)
        value, missing = measurement.value, ', '.join(measurement.missing)
        margin = measurement.margin
        interval = (None, None)
        if margin is not None:
            interval = (value - margin, value + margin)
        is_judged = norm is not None and value is not None
        rows.append(
            dict(
                measurement=name,
                value=_round(value, 4),
                unit=measurement.unit,
                low=_round(interval[0], 4),
                high=_round(interval[1], 4),
                normal_low=band[0],
                normal_high=band[1],
                verdict=norm.judge(value, margin) if is_judged else '',
                remark=f'missing {missing}' if missing else measurement.note,
            )
        )
    return rows


def describe_cephalogram(
    result: PoseDataSample, norms: Mapping[str, Norm] | None = None
) -> dict[str, Any]:
    """Describe a cephalogram completely, ready for JSON.

    Args:
        result (PoseDataSample): Result of :class:`CephalometricInferencer`.
        norms (Mapping[str, Norm], optional): Norms by measurement. Defaults
            to the customary ones.

    Returns:
        dict[str, Any]: ``image``, ``width``, ``height`` (pixels),
        ``spacing``, ``spacing_source``, ``device``, ``mirrored``, ``notes``,
        ``schema``, ``landmarks`` and ``measurements``.
    """
    height, width = result.ori_shape
    spacing = result.spacing
    return dict(
        image=result.img_path,
        width=int(width),
        height=int(height),
        spacing=None
        if spacing is None
        else [float(f'{value:.7g}') for value in spacing.tolist()],
        spacing_source=result.spacing_source,
        device=result.device,
        mirrored=result.mirrored,
        notes=list(result.notes),
        schema=result.schema,
        landmarks=landmark_table(result),
        measurements=measurement_table(result, norms),
    )


def review_table(
    descriptions: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Tabulate a batch of cephalograms, those to be checked first on top.

    Args:
        descriptions (Sequence[Mapping]): Results of
            :func:`describe_cephalogram`.

    Returns:
        list[dict[str, Any]]: A row for each cephalogram: ``image``,
        ``largest_radius_mm`` (None without calibration or spacing) and its
        ``landmark``, ``lowest_confidence`` and its ``least_certain``
        landmark, ``uncertain`` and ``abnormal`` (names of measurements),
        ``mirrored``, ``notes``. Sorted by the largest radius if all have one,
        else by the lowest confidence.
    """
    rows = []
    for one in descriptions:
        landmarks = one['landmarks']
        widest = max(landmarks, key=lambda row: row['radius_mm'] or 0.0)
        least = min(landmarks, key=lambda row: row['confidence'])
        verdicts = {
            row['measurement']: row['verdict'] for row in one['measurements']
        }
        has_radii = widest['radius_mm'] is not None
        rows.append(
            dict(
                image=one['image'],
                largest_radius_mm=widest['radius_mm'],
                landmark=widest['landmark'] if has_radii else '',
                lowest_confidence=least['confidence'],
                least_certain=least['landmark'],
                uncertain=_join(verdicts, 'uncertain'),
                abnormal=_join(verdicts, 'low', 'high'),
                mirrored=one['mirrored'],
                notes='; '.join(one['notes']),
            )
        )
    if all(row['largest_radius_mm'] is not None for row in rows):
        return sorted(rows, key=lambda row: -row['largest_radius_mm'])
    return sorted(rows, key=lambda row: row['lowest_confidence'])


def _join(verdicts: Mapping[str, str], *chosen: str) -> str:
    """Names with one of the chosen verdicts."""
    return ' '.join(name for name, one in verdicts.items() if one in chosen)


def write_table(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV with a header; None becomes an empty cell.

    Args:
        path (str | Path): File to write.
        rows (Sequence[Mapping[str, Any]]): Rows, at least one, with equal
            keys.
    """
    with Path(path).open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


def _round(value: float | None, digits: int) -> float | None:
    """Round a number; None if there is none."""
    is_there = value is not None and isfinite(value)
    return round(float(value), digits) if is_there else None
