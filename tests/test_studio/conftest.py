# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.studio import labels as actions
from cape_mm.studio.project import open_project


@pytest.fixture
def write_image(tmp_path):
    """Writer of a grey image with some structure, by name and size."""

    def write(name, width=80, height=60, folder=None):
        path = (folder or tmp_path / 'mugs') / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).integers(0, 255, (height, width, 3))
        cv2.imwrite(str(path), noise.astype(np.uint8))
        return path

    return write


@pytest.fixture
def project(write_image, tmp_path):
    """An open project of three images and three keypoints."""
    for name in ('a.jpg', 'b.jpg', 'c/d.png'):
        write_image(name)
    project = open_project(tmp_path / 'mugs')
    names = ['rim left', 'rim right', 'handle']
    project.do(actions.set_keypoint_names, names)
    yield project
    project.close()
