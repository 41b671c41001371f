# Copyright (c) cape_mm contributors. All rights reserved.
"""Colours of skeletons, keypoints and identities, all RGB."""

from __future__ import annotations

from typing import Iterable

import cv2
import numpy as np

#: Edges of a skeleton, unless they have the colour of an identity.
SKELETON_COLOR = (240, 240, 240)
SKELETON_OUTLINE = (30, 30, 30)
KEYPOINT_OUTLINE = (20, 20, 20)
#: Lines from predictions to the ground truth.
ERROR_COLOR = (230, 0, 0)
ERROR_OUTLINE = (255, 255, 255)
#: Outside of an image.
BACKGROUND = (225, 225, 225)
UNKNOWN_TRACK = (160, 160, 160)
# By this share of the circle, any number of hues are well apart.
_GOLDEN = 0.61803398875


def keypoint_colors(num_keypoints: int) -> np.ndarray:
    """Give each keypoint its colour, evenly spaced on the HSV wheel.

    Args:
        num_keypoints (int): K.

    Returns:
        np.ndarray: Colours (K, 3), uint8, RGB.
    """
    hsv = np.full((1, num_keypoints, 3), 255, dtype=np.uint8)
    hsv[0, :, 0] = np.arange(num_keypoints) * 180 // max(num_keypoints, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0]


def track_colors(track_ids: Iterable[int]) -> np.ndarray:
    """Give each identity its colour, whatever the others are.

    Args:
        track_ids (Iterable[int]): N identities; a negative one is unknown.

    Returns:
        np.ndarray: Colours (N, 3), uint8, RGB; grey for the unknown.
    """
    ids = np.asarray(list(track_ids), np.int64).reshape(-1)
    hsv = np.full((len(ids), 1, 3), 255, np.uint8)
    hsv[:, 0, 0] = (ids * _GOLDEN) % 1 * 180
    # Ids that are many apart get near hues, so lightness differs, too.
    hsv[:, 0, 2] = np.where(ids // 7 % 2 == 0, 255, 190)
    colors = np.zeros((0, 3), np.uint8)
    if len(ids):
        colors = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[:, 0]
    colors[ids < 0] = UNKNOWN_TRACK
    return colors
