# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cape_mm.structures import ClipDataSample
from cape_mm.structures.coordinates import clip_polygon

#: Cells of the masks, across and down.
_CELLS = 64
# OpenCV also fills what an outline only touches: draw finer, sample centres.
_FINER = 4
# x and y of the corners of a box (left, top, right, bottom)
_CORNERS = (0, 1, 2, 1, 2, 3, 0, 3)


class ClipTargets(NamedTuple):
    """Persons of the U frames of B clips, padded to N.

    In those of a :meth:`window`, person n is the same in all F frames.
    """

    keypoints: Tensor  # (B, U, N, K, 2), normalised, 0 where not visible
    visible: Tensor  # (B, U, N, K) bool
    areas: Tensor  # (B, U, N), square input pixels
    track_ids: Tensor  # (B, U, N), int64, -1 for unknown and padding
    counts: Tensor  # (B, U), int64, persons without padding
    labelled: Tensor  # (B, U) bool, False for frames without labels
    ignored: Tensor  # (B, U, H, W) bool, cells of ignored areas
    sizes: Tensor  # (B, U, 2), width and height of the input, pixels

    @classmethod
    def from_samples(
        cls, data_samples: Sequence[ClipDataSample], device: torch.device
    ) -> ClipTargets:
        """Labels of a batch, with the U of the longest clip."""
        clips = [sample.frames for sample in data_samples]
        length = max(len(frames) for frames in clips)
        # Shorter clips repeat their last frame, without labels.
        frames = [
            clip[min(place, len(clip) - 1)]
            for clip in clips
            for place in range(length)
        ]
        labelled = [
            place < len(clip) and bool(clip[place].is_labeled)
            for clip in clips
            for place in range(length)
        ]
        persons = [frame.gt_instance_labels.to(device) for frame in frames]

        def stack(name: str, fill: float = 0.0) -> Tensor:
            values = pad_sequence(
                [getattr(labels, name) for labels in persons],
                batch_first=True,
                padding_value=fill,
            )
            if values.shape[1]:
                return values
            # No person in any frame: an empty place, to have an index.
            return values.new_full((len(frames), 1, *values.shape[2:]), fill)

        visible = stack('keypoints_visible') > 0
        keypoints = stack('keypoints').masked_fill(~visible[..., None], 0.0)
        sizes = [frame.img_shape[1::-1] for frame in frames]
        values = (
            keypoints.float(),
            visible,
            stack('areas').float(),
            stack('track_ids', -1).long(),
            torch.tensor([len(labels) for labels in persons], device=device),
            torch.tensor(labelled, device=device),
            ignored_cells(frames).to(device),
            torch.tensor(sizes, dtype=torch.float32, device=device),
        )
        return cls(*(x.unflatten(0, (len(clips), length)) for x in values))

    @property
    def middle(self) -> ClipTargets:
        """Those of the frame in the middle of windows, without the axis U."""
        return ClipTargets(*(x[:, x.shape[1] // 2] for x in self))

    def labelled_frames(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Clip numbers and frame numbers (M,) of those that have labels.

        Only frames ``index`` (B, ...), int64, of each clip count, once each.
        """
        chosen = torch.zeros_like(self.labelled)
        chosen.scatter_(1, index.flatten(1), True)
        return (self.labelled & chosen).nonzero(as_tuple=True)

    def window(self, index: Tensor) -> ClipTargets:
        """One window (B, F) of each clip, int64 frame numbers below U.

        The N persons are those of the middle frame. One without label in a
        neighbour frame, or of unknown identity, is not visible there.
        """
        rows = torch.arange(len(index), device=index.device)[:, None]
        frames = ClipTargets(*(x[rows, index] for x in self))
        middle = index.shape[1] // 2
        ids = frames.track_ids[:, middle, :, None]
        # B, F, N in the middle, N in the frame
        same = (ids[:, None] == frames.track_ids[:, :, None]) & (
            ids[:, None] >= 0
        )
        # In the middle a person is itself even if its identity is unknown.
        same[:, middle] = torch.eye(
            ids.shape[1], dtype=torch.bool, device=ids.device
        )
        person = same.to(torch.uint8).argmax(dim=-1)
        places = torch.arange(index.shape[1], device=index.device)[:, None]
        at = (rows[..., None], places, person)
        visible = frames.visible[at] & same.any(dim=-1)[..., None]
        return frames._replace(
            keypoints=frames.keypoints[at].masked_fill(
                ~visible[..., None], 0.0
            ),
            visible=visible,
            areas=frames.areas[at],
            track_ids=frames.track_ids[at],
        )


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
            # filling a polygon takes time by its height, however far away
            cells = clip_polygon(cells, (-1, -1), (side, side))
            if len(cells) > 2:
                cv2.fillPoly(mask, [np.floor(cells).astype(np.int32)], 1)
    centres = masks[:, _FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    return torch.from_numpy(centres.astype(bool))
