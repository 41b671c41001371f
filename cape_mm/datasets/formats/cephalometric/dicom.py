# Copyright (c) cape_mm contributors. All rights reserved.
"""Cephalograms in DICOM files, as images without the data of the patient.

Needs pydicom: ``pip install pydicom``. It is imported only when a
file is read.

Millimetres per pixel (DICOM PS3.3 section 10.7.1): Pixel Spacing is that in
the patient if it is calibrated. Without calibration, files repeat in it the
spacing of the detector (Imager Pixel Spacing) or of the scanned cephalogram;
there the head is larger than it is, by the magnification. All are written as
(row, column) spacing, i.e. (y, x).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Iterator, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from cape_mm.errors import DataError, import_extra

from ..image_check import MAX_MEGAPIXELS, check_pixels, value_depth

_Pair = Optional[Tuple[float, float]]
_SUFFIXES = ('.dcm', '.dicom', '.dic')
#: All that is read of a file: nothing of it identifies the patient.
_HEAD_TAGS = [
    'Manufacturer', 'ManufacturerModelName',
    'PixelSpacing', 'PixelSpacingCalibrationType', 'ImagerPixelSpacing',
    'PixelAspectRatio',
    'NominalScannedPixelSpacing', 'EstimatedRadiographicMagnificationFactor',
    'SamplesPerPixel', 'PhotometricInterpretation', 'PlanarConfiguration',
    'NumberOfFrames', 'Rows', 'Columns', 'BitsAllocated', 'BitsStored',
    'HighBit', 'PixelRepresentation', 'PixelPaddingValue',
    'RescaleIntercept', 'RescaleSlope', 'ModalityLUTSequence',
    'WindowCenter', 'WindowWidth', 'VOILUTFunction', 'VOILUTSequence',
]  # fmt: skip

_EXPORT_AGAIN = 'export the cephalogram again, or as PNG'


class DicomCephalogram(NamedTuple):
    """A cephalogram of a DICOM file.

    Attributes:
        image (np.ndarray): Image (H, W), uint8, bright where little radiation
            came through (bone is bright).
        spacing (tuple[float, float], optional): Millimetres per pixel along
            x and y; None where unknown.
        spacing_source (str): ``'dicom_pixel'`` (in the patient),
            ``'dicom_imager'`` (of the detector, divided by the
            magnification), ``'dicom_imager_uncorrected'`` (of the detector or
            scanned cephalogram: lengths are too large), ``'not_square'``
            (unknown, and pixels have other sides along x than along y, so
            that angles are unknown, too) or ``'unknown'``.
        device (str): Manufacturer and model; empty where not given.
        notes (tuple[str, ...]): Remarks for the user.
    """

    image: np.ndarray
    spacing: tuple[float, float] | None
    spacing_source: str
    device: str = ''
    notes: tuple[str, ...] = ()


def is_dicom(path: str | Path) -> bool:
    """Check whether a file is meant to be a DICOM file.

    Args:
        path (str | Path): File.

    Returns:
        bool: True if it exists and has a usual suffix or the usual mark.
    """
    path = Path(path)
    if not path.is_file():
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True
    with open(path, 'rb') as file:
        return file.read(132)[128:] == b'DICM'


def png_name(path: str | PurePath) -> str:
    """Name of the PNG that a DICOM file becomes, with slashes."""
    path = PurePath(path)
    # exports are often called by their UIDs, whose last number is no suffix
    if path.suffix.lower() in _SUFFIXES:
        return path.with_suffix('.png').as_posix()
    return f'{path.as_posix()}.png'


def read_dicom(
    path: str | Path, max_megapixels: float = MAX_MEGAPIXELS
) -> DicomCephalogram:
    """Read one cephalogram.

    Grey values go through the file's rescaling and its first window (else
    its first lookup table, else from the smallest to the largest value) to 8
    bits, and are inverted for MONOCHROME1.

    Args:
        path (str | Path): File.
        max_megapixels (float): Limit in millions of pixels, checked before
            the image is decoded. Defaults to 150.

    Returns:
        DicomCephalogram: Image, spacing and device; nothing of the patient.

    Raises:
        ImportError: If pydicom is missing.
        FileNotFoundError: If there is no such file.
        DataError: If it is no DICOM file, has no or several images, is
            too large, or cannot be decoded.
    """
    path = Path(path)
    pydicom = import_extra('pydicom', 'pydicom', f'the DICOM file {path}')
    if not path.is_file():
        raise FileNotFoundError(f'there is no DICOM file {path}')
    with _named(path, 'its head is broken', _EXPORT_AGAIN):
        try:
            head = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=_HEAD_TAGS
            )
        except pydicom.errors.InvalidDicomError as error:
            raise DataError(
                f'{path} is no DICOM file: fetch it again, or rename it if it '
                'is an ordinary image'
            ) from error
        _check_head(head, path, max_megapixels)
        tags = [*_HEAD_TAGS, 'PixelData']
        dataset = pydicom.dcmread(path, specific_tags=tags)
        _check_length(dataset, path)
    with _named(
        path,
        'its pixels cannot be decoded',
        'for compressed files install pylibjpeg[all], or export the image '
        'uncompressed',
    ):
        pixels = dataset.pixel_array
        if pixels.shape[:2] != (head.Rows, head.Columns):
            raise ValueError('their number is not Rows x Columns')
    with _named(path, 'its rescaling or window is broken', _EXPORT_AGAIN):
        spacing, source, notes = find_spacing(dataset)
        if pixels.ndim == 3:
            image = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        else:
            image = _to_bytes(pixels, dataset, notes)
        names = [getattr(head, key, None) for key in _HEAD_TAGS[:2]]
    if image.min() == image.max():
        notes.append('all its pixels have one value: nothing is visible')
    return DicomCephalogram(
        image=image,
        spacing=spacing,
        spacing_source=source,
        device=' '.join(str(name).strip() for name in names if name),
        notes=tuple(notes),
    )


def apply_window(
    values: np.ndarray, center: float, width: float, function: str = 'LINEAR'
) -> np.ndarray:
    """Brightness in [0, 1] of values; DICOM PS3.3 section C.11.2.1."""
    values = np.asarray(values, np.float64)
    if function == 'SIGMOID':
        return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == 'LINEAR':
        center, width = center - 0.5, width - 1
    if width <= 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


@contextmanager
def _named(path: Path, fault: str, remedy: str) -> Iterator[None]:
    """Make one sentence of whatever a broken file leads to."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # pydicom and decoders raise of any type
        reason = ' '.join(str(error).split())[:150]
        raise DataError(f'{path}: {fault} ({reason}): {remedy}') from error


def _check_length(dataset: Any, path: Path) -> None:
    """Refuse a file without pixels, or with more or less than it says."""
    if 'PixelData' not in dataset:
        raise DataError(
            f'{path} has no pixel data: it is a report, a presentation state '
            'or only the head of an image; choose the file of the image, or '
            'export it with its pixels'
        )
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    given = len(dataset.PixelData)
    bits = dataset.Rows * dataset.Columns * dataset.BitsAllocated
    expected = (bits * int(dataset.get('SamplesPerPixel') or 1) + 7) // 8
    # what is less than a row more is padding
    if not expected <= given < expected + max(expected // dataset.Rows, 2):
        raise DataError(
            f'{path}: its pixels cannot be decoded: {dataset.Columns} x '
            f'{dataset.Rows} have {expected} bytes, not {given}; the file is '
            'damaged, export the cephalogram again'
        )


def _check_head(head: Any, path: Path, max_megapixels: float) -> None:
    """Refuse what is no single grey image of a sane size."""
    sizes = [getattr(head, key, 0) or 0 for key in ('Rows', 'Columns')]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise DataError(
            f'{path} has no image, or no whole numbers as Rows and Columns: '
            'choose another file'
        )
    frames = int(getattr(head, 'NumberOfFrames', 1) or 1)
    if frames != 1:
        raise DataError(
            f'{path} has {frames} frames: a cephalogram has one. Choose the '
            'cephalogram, or export one frame'
        )
    check_pixels(head.Columns, head.Rows, str(path), max_megapixels)
    kind = str(getattr(head, 'PhotometricInterpretation', ''))
    is_rgb = kind == 'RGB' and getattr(head, 'BitsAllocated', 0) == 8
    if kind not in ('MONOCHROME1', 'MONOCHROME2') and not is_rgb:
        raise DataError(
            f'{path} has colours ({kind!r}, {head.get("BitsAllocated")} '
            'bits): export it as a grey cephalogram, or as PNG'
        )


def _to_bytes(
    pixels: np.ndarray, dataset: Any, notes: list[str]
) -> np.ndarray:
    """(H, W) stored values to (H, W) uint8 brightness."""
    try:
        from pydicom.pixels import apply_modality_lut, apply_voi
    except ImportError:  # pydicom < 3
        from pydicom.pixel_data_handlers.util import (
            apply_modality_lut,
            apply_voi,
        )
    values = apply_modality_lut(pixels, dataset)
    is_flat = np.ptp(pixels) == 0
    if not is_flat and not np.ptp(values) > 0:
        notes.append(
            'its rescaling maps everything to one value (RescaleSlope is '
            f'{dataset.get("RescaleSlope")}): unused'
        )
        values = pixels
    center = _first(getattr(dataset, 'WindowCenter', None))
    width = _first(getattr(dataset, 'WindowWidth', None))
    share = None
    if center is not None and width is not None and width > 0:
        function = str(getattr(dataset, 'VOILUTFunction', '') or 'LINEAR')
        share = apply_window(values, center, width, function)
    elif getattr(dataset, 'VOILUTSequence', None):
        try:
            mapped = apply_voi(values, dataset)
            table = dataset.VOILUTSequence[0].LUTData
            if isinstance(table, bytes):
                table = np.frombuffer(table, '<u2')
            # the real depth: bits of the head are often those of the storage
            share = mapped / (2.0 ** value_depth(np.asarray(table)) - 1)
        except Exception as error:  # whatever a broken table leads to
            notes.append(f'VOILUTSequence is broken ({error}): unused')
    elif values.dtype == np.uint8:
        share = values / 255.0
    if share is not None and not is_flat and not np.ptp(share) > 1 / 255:
        notes.append('its window maps everything to one value: unused')
        share = None
    if share is None:
        # Smallest to largest value, but for the filling around the image.
        is_image = pixels != getattr(dataset, 'PixelPaddingValue', None)
        known = values[is_image] if np.any(is_image) else values
        low, high = float(known.min()), float(known.max())
        share = (values - low) / max(high - low, 1.0)
        notes.append('it has no window: grey from smallest to largest value')
    if dataset.PhotometricInterpretation == 'MONOCHROME1':
        share = 1 - share
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def _first(value: Any) -> float | None:
    """The first of one or several numbers."""
    if value is None or value == '':
        return None
    if isinstance(value, (str, bytes)) or not hasattr(value, '__len__'):
        return float(value)
    return float(value[0]) if len(value) else None


def find_spacing(dataset: Any) -> tuple[_Pair, str, list[str]]:
    """Best spacing of a file, its source and remarks for the user."""
    notes: list[str] = []
    pixel = _read_pair(dataset, 'PixelSpacing', notes)
    imager = _read_pair(dataset, 'ImagerPixelSpacing', notes)
    scanned = _read_pair(dataset, 'NominalScannedPixelSpacing', notes)
    is_calibrated = bool(getattr(dataset, 'PixelSpacingCalibrationType', None))
    is_copy = not is_calibrated and pixel in (imager, scanned)
    if pixel is not None and not is_copy:
        return pixel, 'dicom_pixel', notes
    if imager is not None:
        # How much larger the head is on the detector.
        name = 'EstimatedRadiographicMagnificationFactor'
        factor = _read_positive(dataset, name, 1, 'no positive number', notes)
        if factor is not None:
            spacing = (imager[0] / factor[0], imager[1] / factor[0])
            return spacing, 'dicom_imager', notes
    found = imager if imager is not None else scanned
    if found is None:
        sides = _read_positive(
            dataset, 'PixelAspectRatio', 2, 'not two positive numbers', notes
        )
        if sides is not None and not math.isclose(*sides, rel_tol=0.005):
            notes.append(
                f'its pixels are not square (PixelAspectRatio {sides[0]:g}:'
                f'{sides[1]:g}) and it has no spacing: no angles or lengths '
                'are given; state the spacing along x and y'
            )
            return None, 'not_square', notes
        notes.append('it has no spacing: nothing can be given in mm')
        return None, 'unknown', notes
    notes.append(
        'its spacing is that of the detector or scanned cephalogram, and the '
        'magnification is unknown: lengths in mm are too large'
    )
    return found, 'dicom_imager_uncorrected', notes


def _read_pair(dataset: Any, name: str, notes: list[str]) -> _Pair:
    """(x, y) of an attribute that holds (row spacing, column spacing)."""
    pair = _read_positive(dataset, name, 2, 'not two positive numbers', notes)
    return pair and (pair[1], pair[0])


def _read_positive(
    dataset: Any, name: str, count: int, problem: str, notes: list[str]
) -> list[float] | None:
    """Positive numbers of an attribute; None if it is missing or wrong."""
    value = getattr(dataset, name, None)
    if value is None or value == '':
        return None
    try:
        numbers = np.array(value, np.float64).reshape(count)
    except (TypeError, ValueError):
        numbers = np.zeros(count)
    if not ((numbers > 0) & (numbers < math.inf)).all():
        notes.append(f'{name} is {value!r}, {problem}: unused')
        return None
    return numbers.tolist()
