# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture
def mp100_mini() -> Path:
    """Root of a small set of real images in MP-100 layout."""
    root = SHARED / 'data' / 'mp100_mini'
    if not root.is_dir():
        pytest.skip(f'no real data at {root}')
    return root


@pytest.fixture
def posetrack_mini() -> Path:
    """Root of three real frames of PoseTrack18, one of each video."""
    root = SHARED / 'data' / 'posetrack_mini'
    if not root.is_dir():
        pytest.skip(f'no real data at {root}')
    return root


@pytest.fixture
def body_coco_mini() -> Path:
    """Root of four real images of COCO with persons."""
    root = SHARED / 'data' / 'body_coco_mini'
    if not root.is_dir():
        pytest.skip(f'no real data at {root}')
    return root
