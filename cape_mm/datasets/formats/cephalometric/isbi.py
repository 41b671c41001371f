# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the ISBI 2014/2015 challenge (400 cephalograms).

Wang et al., Medical Image Analysis 31 (2016) 63-76. Images are in
``RawImage``, annotations in ``400_junior`` and ``400_senior``, perhaps inside
of ``AnnotationsByMD``: a text file per cephalogram and doctor with 19 lines
``x,y`` in pixels, then 8 lines with a class each. The part (``train``,
``test1``, ``test2``) goes by the number of the cephalogram, and there is one
of each person.

Class labels are the doctors' classes under the names of :data:`TYPES`. With
``'mean'``, such a label is there if both agree, and each doctor's as well,
such as ``'ANB_junior'``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable, Iterator

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_check import loaded_size
from cape_mm.errors import DataError, shorten
from cape_mm.structures import get_schema

from .reading import (
    OBSERVERS,
    CephalometricRecord,
    ObserverError,
    choose_points,
    needed_observers,
    read_number,
    read_utf8,
)

SCHEMA = get_schema('isbi2015')
#: The anatomical types, in the order of the eight last lines.
TYPES = ('ANB', 'SNB', 'SNA', 'ODI', 'APDI', 'FHI', 'FMA', 'MW')
#: Size in pixels and millimetres per pixel of all cephalograms of the
#: challenge.
SIZE_PX, SPACING_MM = (1935, 2400), 0.1
#: Part -> (folder, first and last number).
_PARTS = dict(
    train=('TrainingData', 1, 150),
    test1=('Test1Data', 151, 300),
    test2=('Test2Data', 301, 400),
)
_SUFFIXES = ('.bmp', '.png', '.jpg', '.jpeg', '.tif', '.tiff')


def read_isbi(
    root: Path,
    report: AnnotationReport,
    annotator: str = 'mean',
    spacing: float | None = None,
    observer_error: ObserverError | None = None,
    label_size: tuple[int, int] | None = None,
) -> Iterator[CephalometricRecord]:
    """Yield the cephalograms of ``'mean'``, ``'junior'`` or ``'senior'``.

    ``label_size`` is the (width, height) of the images that the points refer
    to, if the images have been made smaller since.
    """
    folders = _find_folders(root, annotator)
    images = _find_images(root)
    files = {
        doctor: _by_number(folder.glob('*.txt'), 'files')
        for doctor, folder in folders.items()
    }
    numbers = sorted(set().union(*files.values()))
    if not numbers:
        raise FileNotFoundError(
            f'no files 001.txt, 002.txt, ... in {folders[min(folders)]}'
        )
    for number in sorted(set(images) - set(numbers)):
        report.add('no_annotation', str(images[number]))
    for number in numbers:
        texts = {
            d: paths[number] for d, paths in files.items() if number in paths
        }
        part = _part_of(number)
        if part is None:
            raise DataError(
                f'{next(iter(texts.values()))}: the challenge has the '
                'cephalograms 001 to 400: remove the file'
            )
        read = {doctor: read_text(path) for doctor, path in texts.items()}
        points = {doctor: values for doctor, (values, _) in read.items()}
        for doctor in needed_observers(annotator):
            if doctor not in read:
                raise FileNotFoundError(
                    f'{folders[doctor]}: cephalogram {number:03d} has no '
                    'file, but the other doctor has: fetch it, or choose the '
                    'other annotator'
                )
        image = images.get(
            number, Path('RawImage', _PARTS[part][0], f'{number:03d}.bmp')
        )
        scale, source = (SPACING_MM, SPACING_MM), 'file'
        path = root / image
        # A missing image is reported where images are fetched.
        size = loaded_size(path) if path.is_file() else SIZE_PX
        if label_size is not None and size is not None:
            factor = _reduction(size, label_size, str(image))
            points = {
                # The centre of a pixel has whole coordinates.
                doctor: (values + 0.5) * factor - 0.5
                for doctor, values in points.items()
            }
            scale = tuple((np.array(scale) / factor).tolist())
        if spacing is not None:
            scale, source = (spacing, spacing), 'user'
        elif tuple(label_size or size or ()) != SIZE_PX:
            scale, source = None, 'unknown'
            report.add('no_spacing', f'{image}: not of {SIZE_PX} pixels')
        if observer_error is not None:
            observer_error.add(points, scale)
        keypoints_px, visible = choose_points(
            points, annotator, SCHEMA.codes, str(image), report
        )
        yield CephalometricRecord(
            image_path=image.as_posix(),
            keypoints_px=keypoints_px,
            visible=visible,
            spacing=scale,
            spacing_source=source,
            subject=f'{number:03d}',
            class_labels=_merge_types(
                {doctor: types for doctor, (_, types) in read.items()},
                annotator,
                str(image),
                report,
            ),
            extra=dict(split=part),
        )


def _reduction(
    size: tuple[int, int], label_size: tuple[int, int], where: str
) -> np.ndarray:
    """Factors (2,) along x and y from labelled images to present ones."""
    factor = np.array(size, float) / label_size
    # what rounding to whole pixels may do to the shape
    if abs(factor[0] / factor[1] - 1) > 1 / min(size) + 1 / min(label_size):
        raise DataError(
            f'{where} has {size[0]} x {size[1]} pixels, which is no reduction '
            f'of {label_size[0]} x {label_size[1]}: correct --label-size, or '
            'scale the whole image'
        )
    return factor


def read_text(path: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Points (19, 2), float64, pixels, and classes of one doctor's file."""
    lines = [
        (number, line.strip())
        for number, line in enumerate(read_utf8(path).split('\n'))
        if line.strip()
    ]
    count = len(SCHEMA)
    if len(lines) != count + len(TYPES):
        raise DataError(
            f'{path}: {len(lines)} lines, {count} points and {len(TYPES)} '
            'classes are needed, a line each: fetch the file again'
        )
    points, types = [], {}
    for number, text in lines[:count]:
        parts = [part for part in re.split(r'[,\s]+', text) if part]
        where = f'{path}: line {number + 1}'
        point = [read_number(part, where) for part in parts]
        if len(point) != 2 or not np.isfinite(point).all():
            raise DataError(
                f'{where}: {shorten(text)} is no point: write x,y in pixels'
            )
        points.append(point)
    for name, (number, text) in zip(TYPES, lines[count:]):
        if not re.fullmatch(r'\d+', text):
            raise DataError(
                f'{path}: line {number + 1}: {shorten(text)} is no class of '
                f'{name}: '
                'write its number'
            )
        types[name] = int(text)
    return np.array(points), types


def _merge_types(
    types: dict[str, dict[str, int]],
    annotator: str,
    where: str,
    report: AnnotationReport,
) -> dict[str, int]:
    """Classes of one doctor; or both, and those on which they agree."""
    if annotator != 'mean':
        return types[annotator]
    labels = {}
    for name in TYPES:
        classes = {doctor: types[doctor][name] for doctor in OBSERVERS}
        if classes['junior'] == classes['senior']:
            labels[name] = classes['senior']
        else:
            report.add('class_conflict', f'{where}: {name} {classes}')
        labels.update((f'{name}_{d}', value) for d, value in classes.items())
    return labels


def _find_folders(root: Path, annotator: str) -> dict[str, Path]:
    """Folders of the doctors that exist; those needed must."""
    folders = {}
    for doctor in OBSERVERS:
        for place in (root / 'AnnotationsByMD', root):
            if (place / f'400_{doctor}').is_dir():
                folders[doctor] = place / f'400_{doctor}'
        if doctor not in folders and doctor in needed_observers(annotator):
            raise FileNotFoundError(
                f'there is no folder 400_{doctor} in {root}, nor in its '
                'AnnotationsByMD: give the folder of the download'
            )
    return folders


def _find_images(root: Path) -> dict[int, Path]:
    """Images by number, relative to the root; checks their folders."""
    top = root / 'RawImage'
    if not top.is_dir():
        raise FileNotFoundError(
            f'there is no folder RawImage in {root}: put the folders '
            'TrainingData, Test1Data and Test2Data of the images there'
        )
    files = (p for p in top.rglob('*') if p.suffix.lower() in _SUFFIXES)
    found = _by_number(files, 'images')
    for number, path in found.items():
        for folder, first, last in _PARTS.values():
            if path.parent.name == folder and not first <= number <= last:
                raise DataError(
                    f'{path}: {folder} has the cephalograms {first:03d} to '
                    f'{last:03d}: put the image where it belongs'
                )
        found[number] = path.relative_to(root)
    return found


def _by_number(paths: Iterable[Path], kind: str) -> dict[int, Path]:
    """Files by the number that they are called by; 1 and 001 are equal."""
    found: dict[int, Path] = {}
    for path in sorted(paths):
        # other digits than these are no numbers of the challenge
        if re.fullmatch('[0-9]+', path.stem):
            number = int(path.stem)
            if number in found:
                raise DataError(
                    f'cephalogram {number:03d} has two {kind}, '
                    f'{found[number]} and {path}: remove one'
                )
            found[number] = path
    return found


def _part_of(number: int) -> str | None:
    """Part of the challenge that has this number."""
    for part, (_, first, last) in _PARTS.items():
        if first <= number <= last:
            return part
    return None
