# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of the pairs of an episode: one query given all supports."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..functional import keypoint_distances, longer_side


class PairErrors(NamedTuple):
    """Errors of one pair.

    Attributes:
        distances_px (np.ndarray): Errors (K,), float64, original pixels.
        valid (np.ndarray): Keypoints (K,), bool, labelled in the query and in
            all supports.
        normalizer_px (float): Longer side of the query's box.
    """

    distances_px: np.ndarray
    valid: np.ndarray
    normalizer_px: float


def co_visible(
    query: PoseDataSample, supports: list[PoseDataSample]
) -> np.ndarray:
    """Keypoints that count: labelled in the query and in every support.

    Args:
        query (PoseDataSample): Query with ``gt_instances.keypoints_visible``.
        supports (List[PoseDataSample]): Supports, likewise.

    Returns:
        np.ndarray: Labelled keypoints (K,), bool.
    """
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
    """Compute the errors of one query.

    Args:
        query (PoseDataSample): Query with ``gt_instances`` in original
            pixels.
        supports (List[PoseDataSample]): Supports of the episode.
        field (str): Field of the predicted keypoints in original pixels.
            Defaults to ``'pred_instances'``.

    Returns:
        PairErrors | None: None if the query has no such field.
    """
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
