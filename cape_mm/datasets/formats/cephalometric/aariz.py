# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the Aariz (CEPHA29) dataset (1000 cephalograms of seven devices).

Khalid et al., arXiv 2302.07797. ``{train,valid,test}/Cephalograms/<id>.<ext>``
with ``Annotations/Cephalometric Landmarks/{Junior,Senior} Orthodontists/
<id>.json`` and ``Annotations/CVM Stages/<id>.json``, and one table of devices
and pixel sizes for all cephalograms. Of ``train``, ``valid`` and ``test``
those that exist are read; upper and lower case do not matter. Nothing is known
of persons.

Landmarks are found by their symbols and titles, never by position. The
maturation stage of the neck is the class label ``cvm_stage``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError, shorten
from cape_mm.structures import get_schema

from ..json_values import as_dict, read_json
from .reading import (
    CephalometricRecord,
    ObserverError,
    choose_points,
    name_part,
    needed_observers,
    normalise,
    read_number,
    read_table,
)

SCHEMA = get_schema('aariz29')
#: The titles of the files, in the order of the schema.
TITLES = (
    'A-point', 'Anterior Nasal Spine', 'B-point', 'Menton', 'Nasion',
    'Orbitale', 'Pogonion', 'Posterior Nasal Spine', 'Pronasale', 'Ramus',
    'Sella', 'Articulare', 'Condylion', 'Gnathion', 'Gonion', 'Porion',
    'Lower 2nd PM Cusp Tip', 'Lower Incisor Tip', 'Lower Molar Cusp Tip',
    'Upper 2nd PM Cusp Tip', 'Upper Incisor Apex', 'Upper Incisor Tip',
    'Upper Molar Cusp Tip', 'Lower Incisor Apex', 'Labrale inferius',
    'Labrale superius', 'Soft Tissue Nasion', 'Soft Tissue Pogonion',
    'Subnasale',
)  # fmt: skip
_DEVICES = 'cephalogram_machine_mappings.csv'
_PARTS = ('train', 'valid', 'test')
_FOLDERS = dict(junior='Junior Orthodontists', senior='Senior Orthodontists')
_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')


def read_aariz(
    root: Path,
    report: AnnotationReport,
    annotator: str = 'mean',
    observer_error: ObserverError | None = None,
) -> Iterator[CephalometricRecord]:
    """Yield the cephalograms of ``'mean'``, ``'junior'`` or ``'senior'``."""
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
    devices = _read_devices(root / _DEVICES)
    owners: dict[str, Path] = {}
    for part in sorted(parts, key=_PARTS.index):
        for image in sorted((parts[part] / 'Cephalograms').iterdir()):
            if image.suffix.lower() not in _SUFFIXES:
                continue
            if image.stem in owners:
                raise DataError(
                    f'cephalogram {image.stem!r} is there twice, as '
                    f'{owners[image.stem]} and {image}: remove one'
                )
            owners[image.stem] = image
            marks = parts[part] / 'Annotations'
            points = _read_observers(image, marks, annotator)
            if not points:
                report.add('no_annotation', str(image))
                continue
            device, spacing = devices.get(image.stem, ('', None))
            if spacing is None:
                report.add('no_spacing', f'{image}: not in {_DEVICES}')
            if observer_error is not None:
                observer_error.add(points, spacing)
            keypoints_px, visible = choose_points(
                points, annotator, SCHEMA.codes, str(image), report
            )
            yield CephalometricRecord(
                image_path=image.relative_to(root).as_posix(),
                keypoints_px=keypoints_px,
                visible=visible,
                spacing=spacing,
                spacing_source='file' if spacing else 'unknown',
                device=device,
                class_labels=_read_stage(
                    marks / 'CVM Stages' / f'{image.stem}.json', report
                ),
                extra=dict(split=name_part(part, str(root))),
            )


def _read_devices(path: Path) -> dict[str, tuple[str, tuple[float, float]]]:
    """Device and mm per pixel by the id of the cephalogram."""
    devices: dict[str, tuple[str, tuple[float, float]]] = {}
    if not path.is_file():
        return devices
    header, rows = read_table(path, ',')
    names = {normalise(name): name for name in header}
    missing = {'cephalogram_id', 'machine', 'pixel_size'} - names.keys()
    if missing:
        raise DataError(
            f'{path} has no column {", ".join(sorted(missing))}: fetch it '
            'again'
        )
    for number, row in rows:
        cephalogram = (row[names['cephalogram_id']] or '').strip()
        where = f'{path}: row {number} ({cephalogram})'
        size = read_number(row[names['pixel_size']], where)
        if not size > 0 or cephalogram in devices:
            raise DataError(
                f'{where}: pixel size {size:g}; one row per cephalogram with '
                'a positive number of mm per pixel is needed'
            )
        name = (row[names['machine']] or '').strip()
        devices[cephalogram] = name, (size, size)
    return devices


def _read_observers(
    image: Path, marks: Path, annotator: str
) -> dict[str, np.ndarray]:
    """Landmarks (29, 2) by group; empty if there is no file."""
    marks = marks / 'Cephalometric Landmarks'
    paths = {
        group: marks / folder / f'{image.stem}.json'
        for group, folder in _FOLDERS.items()
    }
    points = {
        group: _read_landmarks(path, image.stem)
        for group, path in paths.items()
        if path.is_file()
    }
    for group in needed_observers(annotator):
        if points and group not in points:
            raise FileNotFoundError(
                f'{image}: there is no {paths[group]}, but the other group '
                'has marked the cephalogram: fetch it, or choose the other '
                'annotator'
            )
    return points


def _read_landmarks(path: Path, cephalogram: str) -> np.ndarray:
    """Landmarks (29, 2) of one group, pixels, NaN where not marked."""
    content = _read_object(path)
    found = content.get('ceph_id', cephalogram)
    if str(found) != cephalogram or not isinstance(
        content.get('landmarks'), list
    ):
        raise DataError(
            f'{path} is of cephalogram {shorten(found)}, or has no list '
            '"landmarks": fetch it again'
        )
    points = np.full((len(TITLES), 2), np.nan)
    found = set()
    for entry in content['landmarks']:
        index = _index_of(entry, path)
        where = f'{path}: landmark {entry.get("symbol") or entry["title"]}'
        if index in found:
            raise DataError(f'{where} is there twice: remove one')
        found.add(index)
        value = as_dict(entry.get('value') or {}, f'{where}: value')
        place = [
            read_number(value.get(axis), f'{where}, {axis}') for axis in 'xy'
        ]
        if math.isnan(place[0]) != math.isnan(place[1]):
            raise DataError(
                f'{where} is {shorten(value)}: one of x and y is missing'
            )
        points[index] = place
    return points


def _index_of(entry: Any, path: Path) -> int:
    """Position in the schema; symbol and title must not contradict."""
    found = set()
    keys = entry if isinstance(entry, dict) else {}
    for key, known in (('symbol', SCHEMA.names), ('title', TITLES)):
        given = normalise(keys.get(key) or '')
        found |= {
            i for i, name in enumerate(known) if normalise(name) == given
        }
    if len(found) != 1:
        raise DataError(
            f'{path}: symbol {shorten(keys.get("symbol"))} with title '
            f'{shorten(keys.get("title"))} means {len(found)} landmarks: '
            'correct it; '
            f'known are {", ".join(SCHEMA.names)}'
        )
    return found.pop()


def _read_stage(path: Path, report: AnnotationReport) -> dict[str, int]:
    """Maturation stage of the neck; empty if there is no file."""
    if not path.is_file():
        report.add('no_class', f'there is no {path}')
        return {}
    try:
        stage = int(_read_object(path)['cvm_stage']['value'])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path} has no number in cvm_stage.value: fetch it again'
        ) from error
    return dict(cvm_stage=stage)


def _read_object(path: Path) -> dict[str, Any]:
    """Content of a JSON file that must be an object."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f'{path} is no JSON object: fetch it again')
    return content
