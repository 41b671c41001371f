# Copyright (c) cape_mm contributors. All rights reserved.
"""Frames of a model's output as :class:`PoseTrackMetric` keeps them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

import numpy as np
import torch

from cape_mm.datasets.formats.posetrack import PoseTrackWriter

_META_KEYS = (
    'video_id',
    'frame_id',
    'num_frames',
    'is_labeled',
    'img_path',
    'ori_shape',
    'ignore_regions',
)
#: Id of a labelled person whose identity is not known.
UNKNOWN_ID = -1
# Largest number of frames that a message names.
_NAMED = 5


@dataclass(frozen=True)
class PoseTrackFrame:
    """One frame of a video: N labelled and M predicted persons.

    All places in original pixels. Frames without labels (``is_labeled``) only
    make the video complete.
    """

    video_id: str
    frame_id: int
    num_frames: int
    is_labeled: bool
    img_path: str
    img_id: int | None
    width: int
    height: int
    ignore_regions_px: list[np.ndarray]  # polygons (P, 2)
    gt_px: np.ndarray  # keypoints (N, K, 2)
    gt_valid: np.ndarray  # (N, K) bool
    heads_px: np.ndarray  # boxes (N, 4) x1, y1, x2, y2
    gt_ids: np.ndarray  # (N,), -1 where unknown
    pred_px: np.ndarray  # keypoints (M, K, 2)
    pred_valid: np.ndarray  # (M, K) bool, finite: others are left out
    tracked: np.ndarray  # (M, K) bool, part of the tracking scores
    pred_scores: np.ndarray  # (M, K)
    pred_ids: np.ndarray  # (M,)
    person_scores: np.ndarray  # (M,)
    timestamp: float | None = None  # seconds, of a frame of a video file

    def write(self, writer: PoseTrackWriter, all_valid: bool = False) -> None:
        """Write the tracked keypoints of the frame, or all valid ones."""
        writer.add(
            vars(self),
            self.pred_px,
            self.pred_valid if all_valid else self.tracked,
            self.pred_scores,
            self.pred_ids,
            self.person_scores,
        )


def read_frame(
    sample: Mapping[str, Any],
    num_keypoints: int,
    keypoint_score_thr: float = 0.0,
    visibility_thr: float = 0.0,
) -> PoseTrackFrame:
    """Read one frame from ``PoseDataSample.to_dict()`` with K keypoints.

    It has the fields that :class:`PoseTrackMetric` lists. Keypoints are
    tracked from these scores and visibilities on.
    """
    missing = [key for key in _META_KEYS if key not in sample]
    if missing:
        raise ValueError(
            f'frame {sample.get("img_path")} lacks {", ".join(missing)}: add '
            "them to the meta_keys of the pipeline's last transform"
        )
    where = f'frame {sample["frame_id"]} of video {sample["video_id"]}'
    height, width = sample['ori_shape'][:2]
    truth = sample
    if not sample['is_labeled']:
        fields = ('track_ids', 'keypoints', 'keypoints_visible', 'bbox_head')
        truth = dict(gt_instances=dict.fromkeys(fields, ()))
    truth = _Fields(truth, 'gt_instances', where)
    gt_ids = truth.ids(unknown=True)
    predicted = _Fields(sample, 'pred_instances', where)
    pred_ids = predicted.ids()
    n, m, k = len(gt_ids), len(pred_ids), num_keypoints
    pred_px = predicted('keypoints', (m, k, 2))
    pred_valid = np.isfinite(pred_px).all(axis=-1)
    pred_scores = predicted('keypoint_scores', (m, k))
    visibility = predicted('keypoints_visible', (m, k))
    is_visible = visibility >= visibility_thr
    return PoseTrackFrame(
        video_id=str(sample['video_id']),
        frame_id=int(sample['frame_id']),
        num_frames=int(sample['num_frames']),
        is_labeled=bool(sample['is_labeled']),
        img_path=str(sample['img_path']),
        img_id=sample.get('img_id'),
        width=int(width),
        height=int(height),
        ignore_regions_px=[
            np.asarray(region, dtype=np.float64).reshape(-1, 2)
            for region in sample['ignore_regions']
        ],
        gt_px=truth('keypoints', (n, k, 2)),
        gt_valid=truth('keypoints_visible', (n, k)) > 0,
        heads_px=truth('bbox_head', (n, 4)),
        gt_ids=gt_ids,
        pred_px=pred_px,
        pred_valid=pred_valid,
        tracked=pred_valid & (pred_scores >= keypoint_score_thr) & is_visible,
        pred_scores=pred_scores,
        pred_ids=pred_ids,
        person_scores=predicted('bbox_scores', (m,)),
        timestamp=sample.get('timestamp'),
    )


def group_videos(
    frames: Iterable[PoseTrackFrame],
) -> dict[str, list[PoseTrackFrame]]:
    """Videos by name, their frames in order of time, each exactly once."""
    videos = defaultdict(list)
    for frame in frames:
        videos[frame.video_id].append(frame)
    for video_id, members in videos.items():
        members.sort(key=lambda frame: frame.frame_id)
        _check_complete(video_id, members)
    return dict(sorted(videos.items()))


def _check_complete(video_id: str, frames: list[PoseTrackFrame]) -> None:
    """Check that each frame of a video is there once."""
    lengths = {frame.num_frames for frame in frames}
    if len(lengths) > 1:
        raise ValueError(
            f'the frames of video {video_id} disagree about its length: '
            f'num_frames is {sorted(lengths)}'
        )
    numbers, length = [frame.frame_id for frame in frames], lengths.pop()
    for number in numbers:
        if not 0 <= number < length:
            raise ValueError(
                f'frame {number} is not in video {video_id} of {length} '
                'frames, which count from 0'
            )
    counts = np.bincount(numbers, minlength=length)
    for wrong, what, remedy in (
        (counts > 1, 'twice', 'let each frame be tested by one process'),
        (counts == 0, 'missing', 'test whole videos'),
    ):
        numbers = np.flatnonzero(wrong)
        if len(numbers):
            named = ', '.join(map(str, numbers[:_NAMED]))
            more = ', ...' if len(numbers) > _NAMED else ''
            raise ValueError(
                f'video {video_id}: {len(numbers)} of {len(counts)} frames '
                f'are {what} ({named}{more}); {remedy}'
            )


class _Fields:
    """Arrays of one set of instances, with errors that name the frame."""

    def __init__(
        self, sample: Mapping[str, Any], name: str, where: str
    ) -> None:
        if name not in sample:
            raise ValueError(f'{where} has no {name}')
        instances = sample[name]
        # Samples in a list are not turned into dictionaries with it.
        if hasattr(instances, 'to_dict'):
            instances = instances.to_dict()
        self.fields = instances
        self.where = f'{name} of {where}'

    def __call__(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """Float64 array of a field, which must have the shape."""
        array = self._array(key).astype(np.float64)
        if array.shape != shape and array.size == 0 and 0 in shape:
            # Arrays of no person tend to lose their other axes.
            return np.zeros(shape)
        if array.shape != shape:
            raise ValueError(
                f'{self.where}: {key} has shape {array.shape}, not {shape}'
            )
        return array

    def ids(self, unknown: bool = False) -> np.ndarray:
        """(N,) int64 of ``track_ids``, each once; -1 only if ``unknown``."""
        ids = self._array('track_ids').astype(np.int64).reshape(-1)
        known = ids[ids != UNKNOWN_ID] if unknown else ids
        if (known < 0).any() or len(np.unique(known)) < len(known):
            also = f', or {UNKNOWN_ID} where it is not known' * unknown
            raise ValueError(
                f'{self.where}: track_ids {ids.tolist()}; each person needs '
                f'one of its own, from 0{also}'
            )
        return ids

    def _array(self, key: str) -> np.ndarray:
        """Array of a field on the CPU."""
        if key not in self.fields:
            raise ValueError(f'{self.where} lack {key}')
        value = self.fields[key]
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        return np.asarray(value)
