# Copyright (c) cape_mm contributors. All rights reserved.
"""Samples as models get them, drawn from the input tensors.

The labels are those of the loss: in [0, 1] of the input, labelled and inside
of it. So a mistake of a transform is visible here.
"""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np
import torch

from cape_mm.structures.coordinates import norm_to_pixels

from .colors import keypoint_colors, track_colors
from .drawing import draw_keypoints, draw_skeleton, join_panels


def input_to_rgb(image: torch.Tensor, size: int) -> np.ndarray:
    """Turn an input tensor into an RGB image.

    Args:
        image (torch.Tensor): Image (3, H, W), uint8, BGR, as pipelines pack
            it.
        size (int): Longer side of the result in pixels.

    Returns:
        np.ndarray: Image (H', W', 3), uint8, RGB.
    """
    rgb = image.cpu().numpy()[::-1].transpose(1, 2, 0)
    scale = size / max(rgb.shape[:2])
    shape = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(rgb), shape, interpolation=kind)


def draw_episode_input(item: dict, size: int = 256) -> np.ndarray:
    """Draw an episode as the model gets it.

    Args:
        item (dict): ``inputs`` and ``data_samples`` of an episode dataset.
        size (int): Longer side of a panel. Defaults to 256.

    Returns:
        np.ndarray: Image (H, W, 3), uint8, RGB: supports, then queries.
    """
    episode = item['data_samples']
    colors = keypoint_colors(episode.num_keypoints)
    panels = []
    for key, members in (
        ('support', episode.supports),
        ('query', episode.queries),
    ):
        for number, member in enumerate(members):
            panel = input_to_rgb(item['inputs'][key][number], size)
            labels = member.gt_instance_labels
            valid = np.asarray(labels.keypoint_weights)[0] > 0
            norm = np.asarray(labels.keypoint_labels)[0, :, :2]
            points = norm_to_pixels(norm, panel.shape[:2])
            draw_skeleton(panel, points, valid, episode.skeleton)
            draw_keypoints(panel, points, valid, colors)
            caption = f'{key} {number + 1}: {valid.sum()} of {len(valid)}'
            panels.append((caption, panel))
    _, epoch, number = episode.episode
    return join_panels(
        panels,
        f'{episode.category_name} ({episode.category_id})    '
        f'epoch {epoch}, episode {number}',
    )


def draw_clip_input(
    item: dict, skeleton: Sequence[Sequence[int]], size: int = 256
) -> np.ndarray:
    """Draw a clip as the model gets it, each identity in its colour.

    Args:
        item (dict): ``inputs`` and ``data_samples`` of a clip dataset.
        skeleton (Sequence): 0-based index pairs.
        size (int): Longer side of a panel. Defaults to 256.

    Returns:
        np.ndarray: Image (H, W, 3), uint8, RGB: a row per window, its frames
        side by side.
    """
    sample = item['data_samples']
    images = []
    for image, frame in zip(item['inputs'], sample.frames):
        panel = input_to_rgb(image, size)
        labels = frame.gt_instance_labels
        shape = panel.shape[:2]
        points = norm_to_pixels(labels.keypoints.numpy(), shape)
        boxes = norm_to_pixels(labels.bboxes.numpy().reshape(-1, 2, 2), shape)
        valid = labels.keypoints_visible.numpy() > 0
        for person, color in enumerate(track_colors(labels.track_ids)):
            corners = np.round(boxes[person]).astype(int).tolist()
            cv2.rectangle(panel, *corners, color.tolist(), 1)
            draw_skeleton(panel, points[person], valid[person], skeleton)
            draw_keypoints(panel, points[person], valid[person], color)
        images.append(panel)
    rows = []
    middle = sample.frame_index.shape[1] // 2
    for number, window in enumerate(sample.frame_index.tolist()):
        panels = []
        for column, index in enumerate(window):
            frame = sample.frames[index]
            count = len(frame.gt_instance_labels.track_ids)
            what = f'{count} persons' if frame.is_labeled else 'unlabelled'
            mark = ', middle' if column == middle else ''
            panels.append(
                (f'frame {frame.frame_id}: {what}{mark}', images[index])
            )
        title = f'{sample.video_id}, window {number + 1}'
        rows.append(join_panels(panels, title))
    return np.vstack(rows)
