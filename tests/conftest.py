# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

SHARED = Path(__file__).resolve().parents[2] / 'shared'


def _real_data(name: str) -> Path:
    """Folder of small real data; without it, the test is skipped."""
    root = SHARED / 'data' / name
    if not root.is_dir():
        pytest.skip(f'no real data at {root}')
    return root


@pytest.fixture(scope='session')
def real_data() -> Callable[[str], Path]:
    """From the name of small real data to their root."""
    return _real_data


@pytest.fixture(scope='session')
def mp100_mini() -> Path:
    """Root of a small set of real images in MP-100 layout."""
    return _real_data('mp100_mini')


@pytest.fixture(scope='session')
def posetrack_mini() -> Path:
    """Root of three real frames of PoseTrack18, one of each video."""
    return _real_data('posetrack_mini')


@pytest.fixture(scope='session')
def body_coco_mini() -> Path:
    """Root of four real images of COCO with persons."""
    return _real_data('body_coco_mini')


@pytest.fixture(scope='session')
def real_mini() -> Path:
    """Root of real images of 13 categories in MP-100 layout."""
    return _real_data('real_mini')


@pytest.fixture(scope='session')
def peer_parity() -> Path:
    """Folder of outputs of the official code of CAPE methods."""
    return _real_data('peer_parity')
