# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    AnnotatedImage,
    AnnotatedInstance,
    Annotations,
    read_annotations,
)
from cape_mm.datasets.formats.mp100.annotation_file import Category

NAMES = ('rim left', 'rim right', 'handle')


@pytest.fixture
def image():
    """Write an image of noise."""

    def write(path, width=40, height=30, seed=0):
        pixels = np.random.default_rng(seed).integers(
            0, 256, (height, width, 3), dtype=np.uint8
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
        return path

    return write


@pytest.fixture
def mugs(tmp_path, image):
    """Ten images of one mug each; a keypoint is hidden, one unlabelled."""
    category = Category(7, 'mug', '', NAMES, ((0, 1), (1, 2)), 3)
    annotations = Annotations(categories={7: category})
    for number in range(10):
        name = f'shelf/{number}.png'
        path = image(tmp_path / 'source' / name, seed=number)
        keypoints = np.array([[5.25, 6, 2], [20, 8 + number, 1], [0, 0, 0]])
        mug = AnnotatedInstance(7, keypoints, np.array([2.0, 3, 30, 25]))
        annotations.images.append(AnnotatedImage(name, path, (40, 30), [mug]))
    return annotations


@pytest.fixture
def report():
    return AnnotationReport('test', problems=REPAIRS)


@pytest.fixture
def read(report):
    """Read files; what was repaired is in `report`."""

    def read(*sources, **options):
        return read_annotations(sources, report, **options)

    return read


@pytest.fixture
def write():
    """Write text, or data as JSON."""

    def write(path, content):
        if not isinstance(content, str):
            content = json.dumps(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding='utf-8')
        return path

    return write
