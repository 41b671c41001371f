# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of the pairs of an episode: one query given all supports."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..functional.keypoints import keypoint_distances, longer_side


class PairErrors(NamedTuple):
    """Errors (K,) and box size of a query, original pixels.

    Valid keypoints (K,) are labelled in the query and in all supports.
    """

    distances_px: np.ndarray
    valid: np.ndarray
    normalizer_px: float


def co_visible(
    query: PoseDataSample, supports: list[PoseDataSample]
) -> np.ndarray:
    """Keypoints (K,), bool, labelled in the query and in every support."""
    masks = [
        np.asarray(member.gt_instances.keypoints_visible)[0] > 0
        for member in (query, *supports)
    ]
    return np.logical_and.reduce(masks)


def pair_errors(
    query: PoseDataSample,
    supports: list[PoseDataSample],
    field: str = 'pred_instances',
) -> PairErrors | None:
    """Errors of the keypoints in a field of the query; None without it."""
    if field not in query:
        return None
    truth = query.gt_instances
    return PairErrors(
        distances_px=keypoint_distances(
            _to_array(getattr(query, field).keypoints)[0],
            _to_array(truth.keypoints)[0],
        ),
        valid=co_visible(query, supports),
        normalizer_px=longer_side(_to_array(truth.bboxes)[0]),
    )


def _to_array(value) -> np.ndarray:
    """Array of an array or of a tensor on any device."""
    return np.asarray(value.cpu() if hasattr(value, 'cpu') else value)
