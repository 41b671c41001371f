# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Iterable

import cv2
import numpy as np

# By this share of the circle, any number of hues are well apart.
_GOLDEN = 0.61803398875
_UNKNOWN = (160, 160, 160)


def track_colors(track_ids: Iterable[int]) -> np.ndarray:
    """Give each identity its colour, whatever the others are.

    Args:
        track_ids (Iterable[int]): N identities; a negative one is unknown.

    Returns:
        np.ndarray: (N, 3) uint8, RGB; grey for the unknown.
    """
    ids = np.asarray(list(track_ids), np.int64).reshape(-1)
    hsv = np.full((len(ids), 1, 3), 255, np.uint8)
    hsv[:, 0, 0] = (ids * _GOLDEN) % 1 * 180
    # Ids that are many apart get near hues, so lightness differs, too.
    hsv[:, 0, 2] = np.where(ids // 7 % 2 == 0, 255, 190)
    colors = np.zeros((0, 3), np.uint8)
    if len(ids):
        colors = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[:, 0]
    colors[ids < 0] = _UNKNOWN
    return colors
