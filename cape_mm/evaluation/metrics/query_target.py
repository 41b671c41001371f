# Copyright (c) cape_mm contributors. All rights reserved.
from typing import List, NamedTuple

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample


class QueryTarget(NamedTuple):
    """What a query is judged against.

    Attributes:
        keypoints (np.ndarray): (K, 2), original image pixels.
        valid (np.ndarray): (K,), bool; annotated in the query and in every
            support, whether or not inside the crop.
        normalizer (float): Longer side of the query's box, original pixels.
    """

    keypoints: np.ndarray
    valid: np.ndarray
    normalizer: float


def query_target(
    query: PoseDataSample, supports: List[PoseDataSample]
) -> QueryTarget:
    """Read the annotation a query is judged against.

    Args:
        query (PoseDataSample): An annotated query.
        supports (List[PoseDataSample]): The supports of its episode.

    Returns:
        QueryTarget: Keypoints, mask and normaliser.
    """
    instances = query.gt_instances
    valid = instances.keypoints_visible[0] > 0
    for support in supports:
        valid = valid & (support.gt_instances.keypoints_visible[0] > 0)
    left, top, right, bottom = instances.bboxes[0]
    return QueryTarget(
        instances.keypoints[0],
        valid,
        float(max(right - left, bottom - top)),
    )


def predicted_keypoints(instances: InstanceData) -> np.ndarray:
    """Keypoints (K, 2) of the single predicted instance, image pixels."""
    return np.asarray(instances.keypoints)[0, :, :2]
