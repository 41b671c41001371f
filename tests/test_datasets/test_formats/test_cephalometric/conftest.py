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
