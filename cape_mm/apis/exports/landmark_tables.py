# Copyright (c) cape_mm contributors. All rights reserved.
"""Results for cephalograms as plain values and tables."""

from __future__ import annotations

import csv
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
        ``y_mm`` (None without spacing), ``confidence``.
    """
    landmarks = result.pred_instances
    places_px = landmarks.keypoints[0].tolist()
    places_mm: Sequence = [(None, None)] * len(places_px)
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
        )
        for landmark, px, mm, score in zip(
            get_schema(result.schema).landmarks,
            places_px,
            places_mm,
            landmarks.keypoint_scores[0].tolist(),
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
        ``value`` (None if not available), ``unit``, ``normal_low``,
        ``normal_high`` (None without a band), ``verdict`` (``'low'``,
        ``'normal'``, ``'high'`` or empty), ``remark`` (reason why it is not
        available, or a note).
    """
    norms = load_norms() if norms is None else norms
    rows = []
    for name, measurement in result.measurements.items():
        norm = norms.get(name)
        band = (norm.band if norm else None) or (None, None)
        value, missing = measurement.value, ', '.join(measurement.missing)
        is_judged = norm is not None and value is not None
        rows.append(
            dict(
                measurement=name,
                value=_round(value, 4),
                unit=measurement.unit,
                normal_low=band[0],
                normal_high=band[1],
                verdict=norm.judge(value) if is_judged else '',
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
        ``spacing``, ``spacing_source``, ``device``, ``notes``, ``schema``,
        ``landmarks`` and ``measurements``.
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
        notes=list(result.notes),
        schema=result.schema,
        landmarks=landmark_table(result),
        measurements=measurement_table(result, norms),
    )


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
    """Round a number; None stays."""
    return None if value is None else round(float(value), digits)
