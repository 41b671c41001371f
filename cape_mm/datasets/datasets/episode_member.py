# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Callable

import mmcv
import numpy as np


def load_member(
    pipeline: Callable,
    info: dict,
    rng: np.random.Generator,
    episode_rng: np.random.Generator,
    is_support: bool,
) -> tuple[dict | None, str]:
    """Run the pipeline on one instance.

    Args:
        pipeline (Callable): Transforms up to ``PackPoseInputs``.
        info (dict): The instance; is changed.
        rng (np.random.Generator): What random transforms draw from.
        episode_rng (np.random.Generator): The same for transforms that treat
            all members of an episode alike.
        is_support (bool): Whether labelled keypoints inside the crop are
            needed.

    Returns:
        tuple:
        - result (dict | None): What the pipeline gave, None if the instance
          cannot be used.
        - reason (str): Why it cannot.
    """
    info.update(rng=rng, episode_rng=episode_rng)
    path = info['img_path']
    try:
        result = pipeline(info)
    except Exception as error:
        # The decoder fails with various types. If the image can be read,
        # something else is wrong, which must not be hidden.
        if not isinstance(error, OSError) and _is_readable(path):
            raise
        return None, f'it cannot be read ({error})'
    if result is None:
        return None, 'the pipeline returned None'
    size = tuple(result['data_samples'].ori_shape[1::-1])
    if size != tuple(info.get('annotated_size', size)):
        annotated = 'x'.join(map(str, info['annotated_size']))
        return None, (
            f'it has {size[0]}x{size[1]} pixels, its annotation is for '
            f'{annotated}'
        )
    if is_support and not _has_keypoint(result):
        return None, 'a support without labelled keypoint inside the crop'
    return result, ''


def _is_readable(path: str) -> bool:
    """Whether the image exists and can be decoded."""
    try:
        return mmcv.imread(path) is not None
    except Exception:
        return False


def _has_keypoint(result: dict) -> bool:
    """Whether a labelled keypoint is inside the crop."""
    weights = result['data_samples'].gt_instance_labels.keypoint_weights
    return bool((weights > 0).any())
