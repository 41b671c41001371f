# Copyright (c) cape_mm contributors. All rights reserved.
"""Samples as models get them, drawn from input tensors and loss labels.

So a mistake of a transform is visible here.
"""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np
import torch

from cape_mm.structures.coordinates import norm_to_pixels

from .drawing import (
    draw_keypoints,
    draw_skeleton,
    join_panels,
    keypoint_colors,
    track_colors,
)


def input_to_rgb(image: torch.Tensor, size: int) -> np.ndarray:
    """Turn an input (3, H, W), uint8, BGR, into RGB of a longer side."""
    rgb = image.cpu().numpy()[::-1].transpose(1, 2, 0)
    scale = size / max(rgb.shape[:2])
    shape = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(rgb), shape, interpolation=kind)


def draw_episode_input(item: dict, size: int = 256) -> np.ndarray:
    """Draw an item of an episode dataset: supports, then queries."""
    episode = item['data_samples']
    colors = keypoint_colors(episode.num_keypoints)
    panels = []
    members = dict(support=episode.supports, query=episode.queries)
    for key in members:
        for number, member in enumerate(members[key]):
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
    """Draw an item of a clip dataset, each identity in its colour.

    A window is a row, with its frames side by side.
    """
    sample = item['data_samples']
    panels = []
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
        count = f'{len(labels.track_ids)} persons'
        text = count if frame.is_labeled else 'unlabelled'
        panels.append((f'frame {frame.frame_id}: {text}', panel))
    rows = []
    middle = sample.frame_index.shape[1] // 2
    for number, window in enumerate(sample.frame_index.tolist(), start=1):
        row = [panels[index] for index in window]
        row[middle] = (f'{row[middle][0]}, middle', row[middle][1])
        rows.append(join_panels(row, f'{sample.video_id}, window {number}'))
    return np.vstack(rows)
