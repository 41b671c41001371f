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
def predicted(mugs):
    """The mugs as predictions; one image has two of them."""
    for number, entry in enumerate(mugs.images):
        entry.instances[0].score = 0.75
        entry.instances[0].keypoint_scores = np.array([0.9, 0.1 * number, 0])
        entry.instances[0].keypoints[1, 2] = 2
    second = np.array([[25.0, 26, 2], [30, 27.5, 2], [0, 0, 0]])
    scores = np.array([0.5, 0.25, 0])
    mugs.images[3].instances.append(
        AnnotatedInstance(7, second, np.array([20.0, 20, 40, 30]), 0.5, scores)
    )
    return mugs


@pytest.fixture
def assert_same():
    """Compare what was read with what was written, by image name."""

    def check(found, expected, boxes=True, scores=True, prefix=''):
        (category,), (original,) = (
            a.categories.values() for a in (found, expected)
        )
        assert category.name == original.name
        assert category.keypoint_names == original.keypoint_names
        images = {entry.name: entry for entry in found.images}
        assert len(images) == len(expected.images)
        for image in expected.images:
            instances = images[prefix + image.name].instances
            assert len(instances) == len(image.instances)
            for a, b in zip(instances, image.instances):
                np.testing.assert_allclose(a.keypoints, b.keypoints, atol=2e-3)
                if boxes:
                    np.testing.assert_allclose(a.box, b.box, atol=2e-3)
                if scores and b.keypoint_scores is not None:
                    np.testing.assert_allclose(
                        a.keypoint_scores, b.keypoint_scores, atol=1e-5
                    )
                    assert a.score == pytest.approx(b.score)

    return check


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
