# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterable

import cv2
import numpy as np

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.datasets.formats.image_check import check_image
from cape_mm.datasets.formats.json_values import read_json
from cape_mm.errors import DataError
from cape_mm.structures import LandmarkSchema

from ..plausibility import PlacedInstance, check_plausibility
from .coco_check import check_content, find_spacing_problem
from .reading import CephalometricRecord


def write_coco(
    records: Iterable[CephalometricRecord],
    schema: LandmarkSchema,
    path: str | Path,
    image_root: str | Path,
    info: dict[str, Any] | None = None,
    report: AnnotationReport | None = None,
) -> None:
    """Write an annotation file, and the images that records bring along.

    Images and annotations are numbered from 1 in the order of the records.
    The box is the whole image, whose size is taken from the image itself.

    Args:
        records (Iterable[CephalometricRecord]): Cephalograms.
        schema (LandmarkSchema): Their landmarks.
        path (str | Path): JSON file to write.
        image_root (str | Path): Folder of the images.
        info (dict[str, Any], optional): Further entries of ``info``, such as
            the source of the data.
        report (AnnotationReport, optional): Counter of coordinates that can
            hardly be right, such as those outside of the image. They are
            written as well.

    Raises:
        FileNotFoundError: If an image is not there.
        DataError: If a record is wrong, most coordinates can hardly be right,
            or there is no record.
    """
    path, image_root = Path(path), Path(image_root)
    content: dict[str, Any] = dict(
        info=dict(info or {}, schema=schema.name),
        images=[],
        annotations=[],
        categories=[
            dict(id=1, name='head', keypoints=list(schema.names), skeleton=[])
        ],
    )
    placed: list[PlacedInstance] = []
    paths = set()
    for number, record in enumerate(records, 1):
        where = f'{path}: record {number} ({record.image_path})'
        if record.image_path in paths:
            raise DataError(
                f'{where}: an earlier record has the same image; one '
                'cephalogram has one record'
            )
        paths.add(record.image_path)
        points = _collect_points(record, schema, where)
        width, height = size = _provide_image(record, image_root, where)
        spacing = record.spacing
        if spacing is not None:
            spacing = [float(value) for value in spacing]
        problem = find_spacing_problem(spacing, record.spacing_source)
        if problem:
            raise DataError(f'{where}: {problem}')
        image = dict(
            record.extra,
            id=number,
            file_name=record.image_path,
            width=width,
            height=height,
            spacing=spacing,
            spacing_source=record.spacing_source,
        )
        for key in ('device', 'subject', 'class_labels'):
            if getattr(record, key):
                image[key] = getattr(record, key)
        annotation = dict(
            id=number,
            image_id=number,
            category_id=1,
            bbox=[0, 0, width, height],
            area=width * height,
            iscrowd=0,
            num_keypoints=int((points[:, 2] > 0).sum()),
            keypoints=[n for *xy, v in points.tolist() for n in (*xy, int(v))],
        )
        content['images'].append(image)
        content['annotations'].append(annotation)
        placed.append(PlacedInstance(where, points, size, names=schema.codes))
    if not content['images']:
        raise DataError(f'{path}: there is no cephalogram to write')
    check_content(content, str(path))
    if report is None:
        report = AnnotationReport(str(path), problems=IMPLAUSIBLE)
    check_plausibility(placed, report, path, tolerance=0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, allow_nan=False))


def load_coco(path: str | Path) -> dict[str, Any]:
    """Read an annotation file and check it.

    Args:
        path (str | Path): JSON file.

    Returns:
        dict[str, Any]: ``info``, ``images``, ``annotations``, ``categories``.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no JSON, or something in it is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'annotation file {path} does not exist: correct ann_file or '
            'data_root (ann_file is relative to data_root)'
        )
    content = read_json(path)
    check_content(content, str(path))
    return content


def _collect_points(
    record: CephalometricRecord, schema: LandmarkSchema, where: str
) -> np.ndarray:
    """(K, 3) x, y, v; zeros where not labelled."""
    count = len(schema)
    keypoints = np.asarray(record.keypoints_px, dtype=np.float64)
    visible = np.asarray(record.visible)
    if keypoints.shape != (count, 2) or visible.shape != (count,):
        raise DataError(
            f'{where}: keypoints_px has the shape {keypoints.shape} and '
            f'visible {visible.shape}; schema {schema.name!r} needs '
            f'({count}, 2) and ({count},)'
        )
    wrong = [
        f'{code} ({x:g}, {y:g}, v = {v})'
        for code, (x, y), v in zip(schema.codes, keypoints, visible.tolist())
        if v not in (0, 1, 2) or (v and not np.isfinite([x, y]).all())
    ]
    if wrong:
        raise DataError(
            f'{where}: wrong landmarks: {", ".join(wrong)}. Give finite '
            'coordinates and v = 1 or 2, or v = 0 for what is not labelled'
        )
    labelled = visible > 0
    keypoints = np.where(labelled[:, None], keypoints, 0.0)
    return np.column_stack([keypoints, visible])


def _provide_image(
    record: CephalometricRecord, image_root: Path, where: str
) -> tuple[int, int]:
    """Write the image if it is given; its width and height."""
    path = image_root / record.image_path
    if record.image is not None:
        if not cv2.haveImageWriter(path.name):
            raise DataError(
                f'{where}: the image cannot be written as {path.suffix!r}; '
                'give it the suffix .png'
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        _, encoded = cv2.imencode(path.suffix, record.image)
        path.write_bytes(encoded.tobytes())
    elif not path.is_file():
        raise FileNotFoundError(
            f'{where}: there is no image {path}: put it there, or correct '
            'image_root'
        )
    return check_image(path, decode=False)
