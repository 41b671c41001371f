# Copyright (c) cape_mm contributors. All rights reserved.
"""Millimetres per pixel of an X-ray in a DICOM file.

DICOM PS3.3 section 10.7.1. Pixel Spacing is that in the patient if it is
calibrated. Without calibration, files repeat in it the spacing of the
detector (Imager Pixel Spacing) or of the scanned cephalogram; there the head
is larger than it is, by the magnification. All are written as (row, column)
spacing, i.e. (y, x).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional, Tuple

_Pair = Optional[Tuple[float, float]]


class CephalogramSpacing(NamedTuple):
    """The scale of a cephalogram.

    Attributes:
        spacing (Tuple[float, float], optional): Millimetres per pixel along
            x and y; None if the file does not say.
        source (str): ``'dicom_pixel'`` (in the patient), ``'dicom_imager'``
            (of the detector, divided by the magnification),
            ``'dicom_imager_uncorrected'`` (of the detector or scanned
            cephalogram: lengths are too large) or ``'unknown'``.
        notes (Tuple[str, ...]): Remarks for the user.
    """

    spacing: _Pair
    source: str
    notes: tuple[str, ...]


def find_spacing(dataset: Any) -> CephalogramSpacing:
    """Find the best spacing that a file has.

    Args:
        dataset (Any): ``pydicom.Dataset``, or anything with its attributes.

    Returns:
        CephalogramSpacing: The spacing and its source.
    """
    notes: list[str] = []
    pixel = _read_pair(dataset, 'PixelSpacing', notes)
    imager = _read_pair(dataset, 'ImagerPixelSpacing', notes)
    scanned = _read_pair(dataset, 'NominalScannedPixelSpacing', notes)
    is_calibrated = bool(getattr(dataset, 'PixelSpacingCalibrationType', None))
    is_copy = not is_calibrated and pixel in (imager, scanned)
    if pixel is not None and not is_copy:
        return CephalogramSpacing(pixel, 'dicom_pixel', tuple(notes))
    if imager is not None:
        factor = _read_magnification(dataset, notes)
        if factor is not None:
            spacing = (imager[0] / factor, imager[1] / factor)
            return CephalogramSpacing(spacing, 'dicom_imager', tuple(notes))
    found = imager if imager is not None else scanned
    if found is None:
        notes.append('it has no spacing: nothing can be given in mm')
        return CephalogramSpacing(None, 'unknown', tuple(notes))
    notes.append(
        'its spacing is that of the detector or scanned cephalogram, and the '
        'magnification is unknown: lengths in mm are too large'
    )
    return CephalogramSpacing(found, 'dicom_imager_uncorrected', tuple(notes))


def _read_pair(dataset: Any, name: str, notes: list[str]) -> _Pair:
    """(x, y) of an attribute that holds (row spacing, column spacing)."""
    value = getattr(dataset, name, None)
    if value is None or value == '':
        return None
    try:
        y, x = (float(part) for part in value)
    except (TypeError, ValueError):
        y = x = math.nan
    if not (0 < x < math.inf and 0 < y < math.inf):
        notes.append(f'{name} is {value!r}, not two positive numbers: unused')
        return None
    return x, y


def _read_magnification(dataset: Any, notes: list[str]) -> float | None:
    name = 'EstimatedRadiographicMagnificationFactor'
    value = getattr(dataset, name, None)
    if value is None or value == '':
        return None
    try:
        factor = float(value)
    except (TypeError, ValueError):
        factor = math.nan
    if not 0 < factor < math.inf:
        notes.append(f'{name} is {value!r}, no positive number: unused')
        return None
    return factor
