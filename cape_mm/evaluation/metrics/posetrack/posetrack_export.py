# Copyright (c) cape_mm contributors. All rights reserved.
"""Predictions as files of PoseTrack18, which evaluation kits read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

import numpy as np

from .posetrack_frames import PoseTrackFrame
from .posetrack_records import (
    POSETRACK18_CATEGORY,
    PoseTrackRecords,
    video_file,
)


def write_video(
    folder: str,
    frames: Sequence[PoseTrackFrame],
    exported: Sequence[np.ndarray],
    names: Sequence[str],
) -> Path:
    """Write the predictions for one video as ``<folder>/<video>.json``.

    Args:
        folder (str): It is made.
        frames (Sequence[PoseTrackFrame]): All frames, in order of time.
        exported (Sequence[np.ndarray]): (M, K) bool for each frame, the
            joints that are written; the others are 0, 0, 0.
        names (Sequence[str]): The K joint classes.

    Returns:
        Path: The file.

    Raises:
        ValueError: If the video's name cannot be that of a file.
    """
    target = video_file(folder, frames[0].video_id)
    records = PoseTrackRecords(names)
    images, annotations = [], []
    for frame, joints in zip(frames, exported):
        image, persons = records.add(frame, joints)
        images.append(image)
        annotations += persons
    target.parent.mkdir(parents=True, exist_ok=True)
    content = dict(
        images=images,
        annotations=annotations,
        categories=[POSETRACK18_CATEGORY],
    )
    target.write_text(json.dumps(content) + '\n')
    return target
