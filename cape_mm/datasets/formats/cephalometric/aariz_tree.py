# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the Aariz (CEPHA29) dataset (1000 cephalograms of seven devices).

Khalid et al., arXiv 2302.07797. ``{train,valid,test}/Cephalograms/<id>.<ext>``
with ``Annotations/Cephalometric Landmarks/{Junior,Senior} Orthodontists/
<id>.json`` and ``Annotations/CVM Stages/<id>.json``, and one table of devices
and pixel sizes for all cephalograms.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import get_schema

from .aariz_machines import TABLE, Machine, read_machines
from .cephalogram_split import name_part
from .coco_file import CephalometricRecord
from .landmark_columns import normalise, read_number
from .observers import ObserverError, choose_points

SCHEMA = 'aariz29'
#: The titles of the files, in the order of the schema.
TITLES = (
    'A-point',
    'Anterior Nasal Spine',
    'B-point',
    'Menton',
    'Nasion',
    'Orbitale',
    'Pogonion',
    'Posterior Nasal Spine',
    'Pronasale',
    'Ramus',
    'Sella',
    'Articulare',
    'Condylion',
    'Gnathion',
    'Gonion',
    'Porion',
    'Lower 2nd PM Cusp Tip',
    'Lower Incisor Tip',
    'Lower Molar Cusp Tip',
    'Upper 2nd PM Cusp Tip',
    'Upper Incisor Apex',
    'Upper Incisor Tip',
    'Upper Molar Cusp Tip',
    'Lower Incisor Apex',
    'Labrale inferius',
    'Labrale superius',
    'Soft Tissue Nasion',
    'Soft Tissue Pogonion',
    'Subnasale',
)
_PARTS = ('train', 'valid', 'test')
_FOLDERS = dict(junior='Junior Orthodontists', senior='Senior Orthodontists')
_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')


def read_aariz(
    root: Path,
    report: AnnotationReport,
    annotator: str = 'mean',
    observer_error: ObserverError | None = None,
) -> Iterator[CephalometricRecord]:
    """Read the dataset, part by part, in the order of the file names.

    Landmarks are found by their symbols and titles, never by position. The
    maturation stage of the neck is the class label ``cvm_stage``.

    Args:
        root (Path): Folder with ``train``, ``valid`` and ``test``; those
            that are there are read, upper and lower case do not matter.
        report (AnnotationReport): Collects what is not usable.
        annotator (str): ``'mean'`` of both groups, ``'junior'`` or
            ``'senior'``. Defaults to ``'mean'``.
        observer_error (ObserverError, optional): Gets the distance between
            the groups, if both have marked the cephalogram.

    Yields:
        CephalometricRecord: A cephalogram; ``image_path`` is relative to
            ``root``.
        Nothing is known of persons.

    Raises:
        FileNotFoundError: If a folder or a file is not there.
        ValueError: If a file is wrong.
    """
    parts = {
        path.name.lower(): path
        for path in (sorted(root.iterdir()) if root.is_dir() else ())
        if path.name.lower() in _PARTS and (path / 'Cephalograms').is_dir()
    }
    if not parts:
        raise FileNotFoundError(
            f'there is no folder train, valid or test with Cephalograms in '
            f'{root}: give the folder of the download that holds them'
        )
    machines = read_machines(root / TABLE)
    owners: dict[str, Path] = {}
    for part in sorted(parts, key=_PARTS.index):
        for image in sorted((parts[part] / 'Cephalograms').iterdir()):
            if image.suffix.lower() not in _SUFFIXES:
                continue
            cephalogram = image.stem
            if cephalogram in owners:
                raise ValueError(
                    f'image {image!r} is there twice, as {owners[image]} and '
                    f'{image}: remove one'
                )
            owners[cephalogram] = image
            record = _read_cephalogram(
                image,
                parts[part],
                machines,
                annotator,
                report,
                observer_error,
            )
            if record is None:
                continue
            record.image_path = image.relative_to(root).as_posix()
            record.extra = dict(split=name_part(part, str(root)))
            yield record


def read_landmarks(path: Path, cephalogram: str) -> np.ndarray:
    """Read what one group has marked.

    Args:
        path (Path): JSON file with ``ceph_id`` and ``landmarks``, a list of
            ``{"title": ..., "symbol": ..., "value": {"x": ..., "y": ...}}``.
        cephalogram (str): Id that it must have.

    Returns:
        np.ndarray: (29, 2) float64, x, y in pixels in the order of the
        schema, NaN where not marked.

    Raises:
        ValueError: If it is another cephalogram, or a landmark is unknown,
            there twice, or no point.
    """
    content = _load_json(path)
    found = content.get('ceph_id', cephalogram)
    if str(found) != cephalogram or not isinstance(
        content.get('landmarks'), list
    ):
        raise ValueError(
            f'{path} is of image {found!r}, or has no list "landmarks": fetch '
            'it again'
        )
    points = np.full((len(TITLES), 2), np.nan)
    seen = set()
    for entry in content['landmarks']:
        index = _index_of(entry, path)
        where = f'{path}: landmark {entry.get("symbol") or entry["title"]}'
        if index in seen:
            raise ValueError(f'{where} is there twice: remove one')
        seen.add(index)
        value = entry.get('value') or {}
        points[index] = [
            read_number(value.get(axis), f'{where}, {axis}') for axis in 'xy'
        ]
    return points


def _read_cephalogram(
    image: Path,
    part: Path,
    machines: dict[str, Machine],
    annotator: str,
    report: AnnotationReport,
    observer_error: ObserverError | None,
) -> CephalometricRecord | None:
    """One cephalogram, None if nobody has marked it."""
    cephalogram, marks = image.stem, part / 'Annotations'
    paths = {
        group: marks
        / 'Cephalometric Landmarks'
        / folder
        / f'{cephalogram}.json'
        for group, folder in _FOLDERS.items()
    }
    points = {
        group: read_landmarks(path, cephalogram)
        for group, path in paths.items()
        if path.is_file()
    }
    if not points:
        report.add('no_annotation', str(image))
        return None
    for group in _FOLDERS if annotator == 'mean' else (annotator,):
        if group not in points:
            raise FileNotFoundError(
                f'{image}: there is no {paths[group]}, but the other group '
                'has marked the image: fetch it, or choose the other annotator'
            )
    machine = machines.get(cephalogram)
    spacing = None
    if machine is None:
        report.add('no_spacing', f'{image}: not in {TABLE}')
    else:
        spacing = (machine.pixel_size, machine.pixel_size)
    if len(points) == 2 and observer_error is not None:
        observer_error.add(points['junior'], points['senior'], spacing)
    keypoints_px, visible = choose_points(
        points.get('junior'),
        points.get('senior'),
        annotator,
        get_schema(SCHEMA).codes,
        str(image),
        report,
    )
    return CephalometricRecord(
        image_path=image.name,
        keypoints_px=keypoints_px,
        visible=visible,
        spacing=spacing,
        spacing_source='file' if spacing else 'unknown',
        device=machine.name if machine else '',
        class_labels=_read_stage(
            marks / 'CVM Stages' / f'{cephalogram}.json', report
        ),
    )


def _read_stage(path: Path, report: AnnotationReport) -> dict[str, int]:
    if not path.is_file():
        report.add('no_class', f'there is no {path}')
        return {}
    try:
        stage = int(_load_json(path)['cvm_stage']['value'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} has no number in cvm_stage.value: fetch it again'
        ) from error
    return dict(cvm_stage=stage)


def _index_of(entry: Any, path: Path) -> int:
    """Position in the schema; symbol and title must not contradict."""
    found = set()
    names = get_schema(SCHEMA).names
    keys = entry if isinstance(entry, dict) else {}
    for key, known in (('symbol', names), ('title', TITLES)):
        wanted = normalise(keys.get(key) or '')
        found |= {
            index
            for index, name in enumerate(known)
            if normalise(name) == wanted
        }
    if len(found) != 1:
        raise ValueError(
            f'{path}: symbol {keys.get("symbol")!r} with title '
            f'{keys.get("title")!r} means {len(found)} landmarks: correct it; '
            f'known are {", ".join(names)}'
        )
    return found.pop()


def _load_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text('utf-8-sig'))
    except ValueError as error:
        raise ValueError(
            f'{path} is no valid JSON, perhaps it was not fetched '
            f'completely: {error}'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} is no JSON object: fetch it again')
    return content
