# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric import CephalometricRecord
from cape_mm.datasets.formats.cephalometric.conversion import make_report


@pytest.fixture
def report():
    """An empty report of a conversion."""
    return make_report('source')


@pytest.fixture
def image():
    """Write a grey image of noise, 40 x 50 pixels."""

    def write(path, width=40, height=50, seed=0):
        pixels = np.random.default_rng(seed).integers(
            0, 256, (height, width), dtype=np.uint8
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
        return pixels

    return write


@pytest.fixture
def cephalogram():
    """Make a record with two landmarks."""

    def make(path='a.png', subject='', split=None, **kwargs):
        kwargs.setdefault('keypoints_px', np.array([[10.0, 20.0], [5, 6.5]]))
        return CephalometricRecord(
            image_path=path,
            visible=np.array([2, 2]),
            subject=subject,
            extra={} if split is None else dict(split=split),
            **kwargs,
        )

    return make


@pytest.fixture
def write_dicom(tmp_path):
    """Write a DICOM file of 12 bits."""
    pydicom = pytest.importorskip('pydicom')
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write_file(name='a.dcm', pixels=None, **attributes):
        if pixels is None:
            pixels = np.arange(0, 4000, 100, np.uint16).reshape(5, 8)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.1.1'
        meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset = pydicom.Dataset()
        dataset.file_meta = meta
        dataset.PatientName = 'Mustermann^Erika'
        dataset.PatientID = 'Mustermann^Erika'
        dataset.PatientBirthDate = '20000101'
        dataset.InstitutionName = 'Mustermann^Erika'
        dataset.Manufacturer = 'Maker'
        dataset.ManufacturerModelName = 'Ceph 9'
        dataset.DeviceSerialNumber = '4711'
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = 'MONOCHROME2'
        dataset.Rows, dataset.Columns = pixels.shape[-2:]
        dataset.BitsAllocated = 8 * pixels.dtype.itemsize
        dataset.BitsStored = 12 if pixels.dtype == np.uint16 else 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = 0
        for key, value in attributes.items():
            setattr(dataset, key, value)
        dataset.PixelData = pixels.tobytes()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write_file
