# Copyright (c) cape_mm contributors. All rights reserved.
"""Areas of unlabelled persons, where detections are no mistakes."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

#: Cells of the masks, across and down.
_CELLS = 64
# OpenCV also fills what an outline only touches: draw finer, sample centres.
_FINER = 4
# x and y of the corners of a box (left, top, right, bottom)
_CORNERS = (0, 1, 2, 1, 2, 3, 0, 3)


def ignored_cells(frames: Sequence[PoseDataSample]) -> Tensor:
    """Masks (M, 64, 64) bool of the ignored areas of frames, over the input.

    Frames have ``ignore_regions`` (polygons (P, 2)) and ``ignore_bboxes``
    (N, 4), both in original pixels, or neither, ``warp_mat`` (2, 3) into the
    input, and ``img_shape``.
    """
    side = _CELLS * _FINER
    masks = np.zeros((len(frames), side, side), np.uint8)
    for mask, frame in zip(masks, frames):
        polygons = [
            np.asarray(region, np.float64).reshape(-1, 2)
            for region in frame.get('ignore_regions', ())
        ]
        boxes = np.asarray(frame.get('ignore_bboxes', ())).reshape(-1, 4)
        polygons += list(boxes[:, _CORNERS].reshape(-1, 4, 2))
        for polygon in polygons:
            warp = np.asarray(frame.warp_mat)
            points = polygon @ warp[:, :2].T + warp[:, 2]
            cells = points / np.asarray(frame.img_shape[1::-1]) * side
            if len(cells) > 2:
                cv2.fillPoly(mask, [np.floor(cells).astype(np.int32)], 1)
    centres = masks[:, _FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    return torch.from_numpy(centres.astype(bool))


def in_cells(points: Tensor, cells: Tensor) -> Tensor:
    """Mask (B, Q) of points (B, Q, 2) in [0, 1] in cells (B, H, W) bool."""
    size = points.new_tensor(cells.shape[:-3:-1])
    place = (points * size).long()
    place = torch.minimum(place.clamp(min=0), size.long() - 1)
    rows = torch.arange(len(cells), device=cells.device)[:, None]
    return cells[rows, place[..., 1], place[..., 0]]
