# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import pytest

from cape_mm.datasets.formats.cephalometric.dicom_spacing import find_spacing

ROWS_COLUMNS = [0.2, 0.1]  # y, x


def find(**attributes):
    return find_spacing(SimpleNamespace(**attributes))


def test_columns_come_second():
    found = find(PixelSpacing=ROWS_COLUMNS)
    assert found == ((0.1, 0.2), 'dicom_pixel', ())


def test_a_calibrated_spacing_counts_even_if_it_is_the_detectors():
    found = find(
        PixelSpacing=ROWS_COLUMNS,
        ImagerPixelSpacing=ROWS_COLUMNS,
        PixelSpacingCalibrationType='GEOMETRY',
        EstimatedRadiographicMagnificationFactor=1.1,
    )
    assert found == ((0.1, 0.2), 'dicom_pixel', ())


def test_a_spacing_that_differs_from_the_detectors_is_corrected():
    found = find(PixelSpacing=ROWS_COLUMNS, ImagerPixelSpacing=[0.22, 0.11])
    assert found.spacing == (0.1, 0.2) and found.source == 'dicom_pixel'


@pytest.mark.parametrize('pixel', [None, ROWS_COLUMNS])
def test_the_detectors_spacing_is_divided_by_the_magnification(pixel):
    found = find(
        PixelSpacing=pixel,
        ImagerPixelSpacing=ROWS_COLUMNS,
        EstimatedRadiographicMagnificationFactor='1.25',
    )
    assert found.spacing == pytest.approx((0.08, 0.16))
    assert found.source == 'dicom_imager' and not found.notes


@pytest.mark.parametrize(
    'attributes',
    [
        dict(ImagerPixelSpacing=ROWS_COLUMNS),
        dict(PixelSpacing=ROWS_COLUMNS, ImagerPixelSpacing=ROWS_COLUMNS),
        dict(NominalScannedPixelSpacing=ROWS_COLUMNS),
        # not the magnification of the scanner
        dict(
            NominalScannedPixelSpacing=ROWS_COLUMNS,
            EstimatedRadiographicMagnificationFactor=1.1,
        ),
    ],
)
def test_without_magnification_the_spacing_is_marked(attributes):
    found = find(**attributes)
    assert found.spacing == (0.1, 0.2)
    assert found.source == 'dicom_imager_uncorrected'
    assert 'too large' in found.notes[-1]


def test_nothing_is_assumed():
    found = find()
    assert found.spacing is None and found.source == 'unknown'
    assert len(found.notes) == 1


@pytest.mark.parametrize('value', [[0, 0.1], [0.1], 'x', [float('nan'), 1]])
def test_wrong_values_are_not_used_and_said(value):
    found = find(PixelSpacing=value, ImagerPixelSpacing=ROWS_COLUMNS)
    assert found.source == 'dicom_imager_uncorrected'
    assert found.notes[0].startswith('PixelSpacing is')
    found = find(
        ImagerPixelSpacing=ROWS_COLUMNS,
        EstimatedRadiographicMagnificationFactor=0,
    )
    assert found.source == 'dicom_imager_uncorrected'
    assert 'no positive number' in found.notes[0]
