# Copyright (c) cape_mm contributors. All rights reserved.
"""Episodes of one dark image of 120 x 200 pixels with three keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.structures import EpisodeDataSample

BBOX = np.array([[50.0, 20.0, 130.0, 100.0]])
KEYPOINTS = np.array([[[60.0, 30.0], [120.0, 30.0], [90.0, 90.0]]])


def _member(path: Path, number: int, visible: Sequence[int]):
    sample = PoseDataSample(
        metainfo=dict(id=number, img_path=str(path), category_id=7)
    )
    sample.gt_instances = InstanceData(
        keypoints=KEYPOINTS.copy(),
        keypoints_visible=np.array([visible], np.float32),
        bboxes=BBOX.copy(),
    )
    return sample


def make_toy_episode(
    folder: Path,
    shots: int = 1,
    queries: int = 1,
    support_visible: Sequence[int] = (1, 1, 1),
    query_visible: Sequence[int] = (1, 1, 1),
    shift: Sequence[float] = (8, 0),
    number: int = 0,
) -> EpisodeDataSample:
    """Make an episode whose predictions are the truth moved by ``shift``."""
    path = folder / 'dark.png'
    cv2.imwrite(str(path), np.full((120, 200, 3), 40, np.uint8))
    episode = EpisodeDataSample(
        metainfo=dict(
            episode=(0, 0, number),
            category_id=7,
            category_name='snail',
            keypoint_names=['a', 'b', 'c'],
            skeleton=[[0, 1], [1, 2]],
            num_keypoints=3,
            replaced=[],
        )
    )
    episode.supports = [
        _member(path, 100 + i, support_visible) for i in range(shots)
    ]
    episode.queries = [
        _member(path, 200 + i, query_visible) for i in range(queries)
    ]
    for query in episode.queries:
        query.pred_instances = InstanceData(
            keypoints=(KEYPOINTS + shift).astype(np.float32),
            keypoint_scores=np.ones((1, 3), np.float32),
        )
    return episode
