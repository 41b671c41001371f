# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import torch
from mmpose.structures import PoseDataSample

from cape_mm.structures.coordinates import norm_to_pixels
from cape_mm.visualization.episode_visualizer import join_panels
from cape_mm.visualization.pose_panel import (
    draw_keypoints,
    draw_skeleton,
    keypoint_colors,
)


def input_to_rgb(image: torch.Tensor, size: int) -> np.ndarray:
    """Turn an input tensor into an RGB image.

    Args:
        image (torch.Tensor): (3, H, W) uint8, BGR, as pipelines pack it.
        size (int): Longer side of the image in pixels.

    Returns:
        np.ndarray: (H', W', 3) uint8, RGB.
    """
    rgb = image.cpu().numpy()[::-1].transpose(1, 2, 0)
    scale = size / max(rgb.shape[:2])
    shape = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(rgb), shape, interpolation=kind)


def draw_item(item: dict, size: int = 256) -> np.ndarray:
    """Draw an episode as the model gets it, from the input tensors.

    The labels are those of the loss: in [0, 1] of the input, labelled and
    inside the crop. A mistake of a transform shows here.

    Args:
        item (dict): ``inputs`` and ``data_samples`` of an episode dataset.
        size (int): Longer side of a panel. Defaults to 256.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB: supports, then queries.
    """
    episode = item['data_samples']
    colors = keypoint_colors(episode.num_keypoints)
    panels = []
    for name, key, members in (
        ('support', 'support', episode.supports),
        ('query', 'query', episode.queries),
    ):
        for number, member in enumerate(members):
            panel = input_to_rgb(item['inputs'][key][number], size)
            points, valid = _labels(member, panel)
            draw_skeleton(panel, points, valid, episode.skeleton)
            draw_keypoints(panel, points, valid, colors)
            caption = f'{name} {number + 1}: {valid.sum()} of {len(valid)}'
            panels.append((caption, panel))
    seed, epoch, number = episode.episode
    return join_panels(
        panels,
        f'{episode.category_name} ({episode.category_id})    '
        f'epoch {epoch}, episode {number}',
    )


def _labels(member: PoseDataSample, panel: np.ndarray) -> tuple:
    """Keypoints (K, 2) in panel pixels, and which of them count."""
    labels = member.gt_instance_labels
    valid = np.asarray(labels.keypoint_weights)[0] > 0
    norm = np.asarray(labels.keypoint_labels)[0, :, :2]
    return norm_to_pixels(norm, panel.shape[:2]), valid
