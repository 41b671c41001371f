# Copyright (c) cape_mm contributors. All rights reserved.
"""What all readers of cephalograms share.

A reader yields a :class:`CephalometricRecord` per cephalogram, and counts
what is unusual in an ``AnnotationReport``.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError, shorten

from ..json_values import LARGEST

#: Observers of the datasets that have two.
OBSERVERS = ('junior', 'senior')
#: Errors in mm of which the share is given.
_SDR_MM = (2.0, 2.5, 3.0, 4.0)
_EMPTY = ('', 'nan', 'na', 'n/a', 'none', 'null')
_PRIMES = str.maketrans('`´’′‘', "'" * 5)
_PARTS = dict(
    training='train', dev='val', valid='val', validation='val', testing='test'
)


@dataclass
class CephalometricRecord:
    """One cephalogram with its landmarks, as all readers yield it.

    Attributes:
        image_path (str): Image file, relative to the folder of the images.
        keypoints_px (np.ndarray): Landmarks (K, 2), float, original pixels,
            in the order of the schema; any value where not labelled.
        visible (np.ndarray): Visibility (K,), int; 0 not labelled, 1 hidden,
            2 visible.
        spacing (tuple[float, float], optional): Millimetres per pixel along
            x and y; None where unknown.
        spacing_source (str): Origin of the spacing, one of
            :data:`cape_mm.datasets.formats.cephalometric.SPACING_SOURCES`.
        device (str): X-ray device, empty where unknown.
        subject (str): Pseudonym of the person, empty where unknown.
        class_labels (dict[str, Any]): Labels of the whole cephalogram, such
            as skeletal classes.
        image (np.ndarray, optional): Image (H, W) or (H, W, 3), uint8, BGR,
            to be written as ``image_path``; None if the file exists.
        extra (dict[str, Any]): Other entries of the image in the file.
    """

    image_path: str
    keypoints_px: np.ndarray
    visible: np.ndarray
    spacing: tuple[float, float] | None = None
    spacing_source: str = 'unknown'
    device: str = ''
    subject: str = ''
    class_labels: dict[str, Any] = field(default_factory=dict)
    image: np.ndarray | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def normalise(name: Any) -> str:
    """One spelling of a typed name: ``'Gonion _x'`` is ``'gonion_x'``."""
    text = re.sub(r'[\s_]+', '_', str(name).translate(_PRIMES).lower())
    return text.strip('_')


def read_number(value: Any, where: str) -> float:
    """Finite number of a cell or JSON entry; NaN for an empty one."""
    if str(value).strip().lower() in _EMPTY:
        return math.nan
    try:
        number = math.inf if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if abs(number) > LARGEST:
        raise DataError(
            f'{where}: {shorten(value)} is no number within ±{LARGEST:g}: '
            'write digits with a decimal point, or leave it empty if there '
            'is none'
        )
    return number


def read_utf8(path: Path) -> str:
    """Text of a UTF-8 file, with or without byte order mark."""
    try:
        return path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise DataError(
            f'{path} is not UTF-8 ({error}): save it as UTF-8, a table as '
            '"CSV UTF-8"'
        ) from error


def read_table(
    path: Path, delimiter: str | None = None
) -> tuple[list[str], list[tuple[int, dict[str | None, Any]]]]:
    """Header of a CSV file, and its rows with their numbers in the file.

    Without ``delimiter`` it is comma or semicolon, by the header.
    """
    lines = read_utf8(path).splitlines()
    if not lines or not lines[0].strip():
        raise DataError(f'{path} has no header in its first line: add it')
    if delimiter is None:
        delimiter = max(',;', key=lines[0].count)
    reader = csv.DictReader(lines, delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(
            f'{path}: row {reader.line_num + 1}: {error}: the file is damaged '
            'or no table, write it anew'
        ) from None
    return list(reader.fieldnames or []), rows


def name_part(text: str, where: str) -> str:
    """Usual name of a part of a dataset, such as 'val' for 'dev'."""
    name = str(text).strip().lower()
    if not re.fullmatch(r'[a-z][a-z0-9]*', name) or name in ('nan', 'none'):
        raise DataError(
            f'{where}: {text!r} is no part of a dataset: write train, val '
            'or test'
        )
    return _PARTS.get(name, name)


def to_grey_or_bgr(image: np.ndarray) -> np.ndarray:
    """RGB image (H, W, C) as (H, W) if its channels are equal, else BGR."""
    is_grey = (image == image[..., :1]).all()
    return np.ascontiguousarray(image[..., 0] if is_grey else image[..., ::-1])


def needed_observers(annotator: str) -> tuple[str, ...]:
    """Observers whose marks an annotator, or ``'mean'``, needs."""
    return OBSERVERS if annotator == 'mean' else (annotator,)


def choose_points(
    points: dict[str, np.ndarray],
    annotator: str,
    codes: Sequence[str],
    where: str,
    report: AnnotationReport,
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (K, 2), pixels, and visibility (K,) of one, or the mean."""
    chosen = np.stack([points[name] for name in needed_observers(annotator)])
    # A landmark that one of two observers lacks has no mean.
    is_marked = np.isfinite(chosen).all(axis=2)  # (observers, K)
    for index in np.flatnonzero(~is_marked.all(axis=0)):
        kind = 'one_observer' if is_marked[:, index].any() else 'not_labelled'
        report.add(kind, f'{where}, landmark {codes[index]}')
    return chosen.mean(axis=0), np.where(is_marked.all(axis=0), 2, 0)


class ObserverError:
    """Distances between two observers of K landmarks, by their codes."""

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = codes
        self._offsets_px: list[np.ndarray] = []
        self._spacings: list[tuple[float, float]] = []

    def add(
        self,
        points: dict[str, np.ndarray],
        spacing: tuple[float, float] | None,
    ) -> None:
        """Add landmarks (K, 2), pixels, if both observers have marked them."""
        if len(points) == 2:
            self._offsets_px.append(points['junior'] - points['senior'])
            self._spacings.append(spacing or (np.nan, np.nan))

    def rows(self) -> list[dict[str, Any]]:
        """Row of all landmarks, then of each, the largest mean error first.

        ``landmark``, ``N``, ``mean`` (MRE), ``SD``, ``unit``, and, in mm, the
        percent within 2, 2.5, 3 and 4 mm (SDR); px if no spacing is known.
        """
        if not self._offsets_px:
            return []
        offsets, unit = np.stack(self._offsets_px), 'px'
        scales = np.array(self._spacings)[:, None]
        if np.isfinite(offsets * scales).all(axis=2).any():
            offsets, unit = offsets * scales, 'mm'
        errors = np.hypot(*np.moveaxis(offsets, 2, 0))
        columns = zip(('all', *self.codes), (errors, *errors.T))
        rows = [
            _error_row(name, column[np.isfinite(column)], unit)
            for name, column in columns
            # a landmark without any mark has no mean
            if np.isfinite(column).any()
        ]
        return rows[:1] + sorted(rows[1:], key=lambda row: -row['mean'])

    def lines(self) -> list[str]:
        """:meth:`rows` as text."""
        rows = self.rows()
        if not rows:
            return []
        first = rows[0]
        count = sum(np.isfinite(o).any() for o in self._offsets_px)
        within = ''.join(
            f', {first[_sdr_key(mm)]:.1f}% within {mm:g} mm'
            for mm in _SDR_MM
            if _sdr_key(mm) in first
        )
        return [
            f'Junior against senior observer, {count} cephalograms: '
            f'{first["mean"]:.3f} ± {first["SD"]:.3f} {first["unit"]}{within}',
            *(
                f'  {row["landmark"]:<6}{row["mean"]:8.3f} {row["unit"]}'
                for row in rows[1:]
            ),
        ]


def _error_row(name: str, errors: np.ndarray, unit: str) -> dict[str, Any]:
    """Row of :meth:`ObserverError.rows` of errors (N,)."""
    row = dict(
        landmark=name,
        N=len(errors),
        mean=float(errors.mean()),
        SD=float(errors.std()),
        unit=unit,
    )
    if unit == 'mm':
        for threshold in _SDR_MM:
            share = 100.0 * float((errors <= threshold).mean())
            row[_sdr_key(threshold)] = share
    return row


def _sdr_key(threshold: float) -> str:
    """Key of a detection rate, as the metric has it."""
    return f'SDR_{threshold:g}mm'
