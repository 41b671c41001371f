# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np
from mmpose.structures import PoseDataSample

from cape_mm.structures import ClipDataSample
from cape_mm.visualization.episode_visualizer import join_panels
from cape_mm.visualization.input_panels import input_to_rgb
from cape_mm.visualization.pose_panel import draw_keypoints, draw_skeleton
from cape_mm.visualization.track_colors import track_colors


def draw_clip(
    item: dict, skeleton: Sequence[Sequence[int]], size: int = 256
) -> np.ndarray:
    """Draw a clip as the model gets it, from the input tensors.

    The labels are those of the loss: in [0, 1] of the input, labelled and
    inside of it. Each identity has its colour, so a mistake of a transform, or
    an identity that moves to somebody else, shows here.

    Args:
        item (dict): ``inputs`` and ``data_samples`` of a clip dataset.
        skeleton (Sequence): 0-based index pairs.
        size (int): Longer side of a panel. Defaults to 256.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB: a row per window, its frames side by
        side.
    """
    sample: ClipDataSample = item['data_samples']
    images = [
        _draw_frame(image, frame, skeleton, size)
        for image, frame in zip(item['inputs'], sample.frames)
    ]
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


def _draw_frame(
    image, frame: PoseDataSample, skeleton: Sequence, size: int
) -> np.ndarray:
    """Draw the persons of one frame on its input."""
    panel = input_to_rgb(image, size)
    labels = frame.gt_instance_labels
    side = np.array(panel.shape[1::-1])
    points = labels.keypoints.numpy() * side - 0.5
    boxes = labels.bboxes.numpy().reshape(-1, 2, 2) * side - 0.5
    colors = track_colors(labels.track_ids.tolist())
    for person, color in enumerate(colors):
        shown = labels.keypoints_visible[person].numpy() > 0
        corners = np.round(boxes[person]).astype(int).tolist()
        cv2.rectangle(panel, *corners, color.tolist(), 1)
        draw_skeleton(panel, points[person], shown, skeleton)
        same = np.repeat(color[None], len(shown), axis=0)
        draw_keypoints(panel, points[person], shown, same)
    return panel
