# Copyright (c) cape_mm contributors. All rights reserved.
"""What all readers of cephalograms share.

A reader yields a :class:`CephalometricRecord` per cephalogram, and counts
what is unusual in an ``AnnotationReport``.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

#: Largest image that is decoded by default, in millions of pixels.
#: Cephalograms of 95 million exist.
MAX_MEGAPIXELS = 150.0
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
    if value is None:
        return math.nan
    if isinstance(value, str) and value.strip().lower() in _EMPTY:
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise ValueError(
            f'{where}: {value!r} is no number: write digits with a decimal '
            'point, or leave the cell empty if there is none'
        )
    return number


def read_json(path: Path) -> Any:
    """Content of a JSON file, UTF-8 with or without byte order mark."""
    try:
        return json.loads(path.read_text('utf-8-sig'))
    except ValueError as error:
        raise ValueError(
            f'{path} is no valid JSON, perhaps it was not fetched or written '
            f'completely: {error}'
        ) from error


def name_part(text: str, where: str) -> str:
    """Usual name of a part of a dataset, such as 'val' for 'dev'."""
    name = str(text).strip().lower()
    if not re.fullmatch(r'[a-z][a-z0-9]*', name) or name in ('nan', 'none'):
        raise ValueError(
            f'{where}: {text!r} is no part of a dataset: write train, val '
            'or test'
        )
    return _PARTS.get(name, name)


def check_pixels(
    width: int, height: int, where: str, max_megapixels: float = MAX_MEGAPIXELS
) -> None:
    """Refuse an image that would need too much memory."""
    if width * height > max_megapixels * 1e6:
        raise DataError(
            f'{where} has {width} x {height} pixels, more than '
            f'{max_megapixels:g} millions: if it really is a cephalogram, '
            'raise the limit'
        )


def to_grey_or_bgr(image: np.ndarray) -> np.ndarray:
    """RGB image (H, W, C) as (H, W) if its channels are equal, else BGR."""
    is_grey = (image == image[..., :1]).all()
    return np.ascontiguousarray(image[..., 0] if is_grey else image[..., ::-1])


def choose_points(
    points: dict[str, np.ndarray],
    annotator: str,
    codes: Sequence[str],
    where: str,
    report: AnnotationReport,
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (K, 2) of one observer or the mean, and visibility (K,).

    ``points`` holds float pixels, NaN where not marked, of ``'junior'``,
    ``'senior'`` or both. The mean is not rounded. A landmark that one of two
    observers lacks has no mean: it is not labelled.
    """
    observers = ('junior', 'senior') if annotator == 'mean' else (annotator,)
    chosen = np.stack([points[observer] for observer in observers])
    is_marked = np.isfinite(chosen).all(axis=2)  # (observers, K)
    for index in np.flatnonzero(~is_marked.all(axis=0)):
        kind = 'one_observer' if is_marked[:, index].any() else 'not_labelled'
        report.add(kind, f'{where}, landmark {codes[index]}')
    return chosen.mean(axis=0), np.where(is_marked.all(axis=0), 2, 0)


class ObserverError:
    """Distance between two observers who marked the same cephalograms.

    Args:
        codes (Sequence[str]): K codes of the landmarks.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = list(codes)
        self._px: list[np.ndarray] = []
        self._mm: list[np.ndarray] = []

    def add(
        self,
        points: dict[str, np.ndarray],
        spacing: tuple[float, float] | None,
    ) -> None:
        """Add a cephalogram, if both observers have marked it.

        Args:
            points (dict[str, np.ndarray]): Landmarks (K, 2), pixels, NaN
                where not marked, of ``'junior'`` and ``'senior'``.
            spacing (tuple[float, float], optional): Millimetres per pixel
                along x and y.
        """
        if len(points) < 2:
            return
        offset = points['junior'] - points['senior']
        self._px.append(np.hypot(*offset.T))
        scale = (np.nan, np.nan) if spacing is None else spacing
        self._mm.append(np.hypot(*(offset * scale).T))

    def lines(self) -> list[str]:
        """Describe the distances.

        Returns:
            list[str]: Overall, then each landmark, the worst first; empty
            without cephalograms. In mm if the spacing of any cephalogram is
            known, of the cephalograms where it is; else in pixels.
        """
        if not self._px:
            return []
        errors, unit = np.stack(self._mm), 'mm'
        if not np.isfinite(errors).any():
            errors, unit = np.stack(self._px), 'px'
        flat = errors[np.isfinite(errors)]
        if not flat.size:
            return []
        share = f', {np.mean(flat <= 2):.1%} within 2 mm' * (unit == 'mm')
        count = np.isfinite(errors).any(axis=1).sum()
        lines = [
            f'Junior against senior observer, {count} cephalograms: '
            f'{flat.mean():.3f} ± {flat.std():.3f} {unit}{share}'
        ]
        # A landmark without any mark has no mean.
        columns = [
            (column[np.isfinite(column)].mean(), code)
            for code, column in zip(self.codes, errors.T)
            if np.isfinite(column).any()
        ]
        lines += [
            f'  {code:<6}{mean:8.3f} {unit}'
            for mean, code in sorted(columns, reverse=True)
        ]
        return lines
