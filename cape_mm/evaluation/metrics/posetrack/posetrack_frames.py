# Copyright (c) cape_mm contributors. All rights reserved.
"""Frames of a model's output as :class:`PoseTrackMetric` keeps them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

import numpy as np
import torch

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
class LabelledPersons:
    """The N labelled persons of a frame.

    Keypoints (N, K, 2) and head boxes (N, 4) x1, y1, x2, y2 in original
    pixels, valid keypoints (N, K), identities (N,) in the video, -1 where
    unknown.
    """

    keypoints_px: np.ndarray
    valid: np.ndarray
    heads_px: np.ndarray
    ids: np.ndarray


@dataclass(frozen=True)
class PredictedPersons:
    """The M predicted persons of a frame.

    Keypoints (M, K, 2) in original pixels, valid (M, K) where finite: the
    model leaves the others out; scores and visibility (M, K) of the keypoints,
    tracks and scores (M,) of the persons.
    """

    keypoints_px: np.ndarray
    valid: np.ndarray
    scores: np.ndarray
    visibility: np.ndarray
    ids: np.ndarray
    person_scores: np.ndarray

    def tracked(
        self, keypoint_score_thr: float, visibility_thr: float
    ) -> np.ndarray:
        """Keypoints (M, K), bool, that take part in the tracking scores."""
        is_confident = self.scores >= keypoint_score_thr
        return self.valid & is_confident & (self.visibility >= visibility_thr)


@dataclass(frozen=True)
class PoseTrackFrame:
    """One frame of a video: metainfo, polygons (P, 2), labels, predictions.

    Frames without labels (``is_labeled``) only make the video complete.
    """

    video_id: str
    frame_id: int
    num_frames: int
    is_labeled: bool
    img_path: str
    img_id: int | None
    width: int
    height: int
    ignore_regions_px: list[np.ndarray]
    truth: LabelledPersons
    predicted: PredictedPersons


def read_frame(
    sample: Mapping[str, Any], num_keypoints: int
) -> PoseTrackFrame:
    """Read one frame from ``PoseDataSample.to_dict()`` with K keypoints.

    It has the fields that :class:`PoseTrackMetric` lists.
    """
    missing = [key for key in _META_KEYS if key not in sample]
    if missing:
        raise ValueError(
            f'frame {sample.get("img_path")} lacks {", ".join(missing)}: add '
            "them to the meta_keys of the pipeline's last transform"
        )
    where = f'frame {sample["frame_id"]} of video {sample["video_id"]}'
    height, width = sample['ori_shape'][:2]
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
        truth=_read_truth(sample, num_keypoints, where),
        predicted=_read_predictions(sample, num_keypoints, where),
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
    counts = np.zeros(lengths.pop(), dtype=np.int64)
    for frame in frames:
        if not 0 <= frame.frame_id < len(counts):
            raise ValueError(
                f'frame {frame.frame_id} is not in video {video_id} of '
                f'{len(counts)} frames, which count from 0'
            )
        counts[frame.frame_id] += 1
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


def _read_truth(
    sample: Mapping[str, Any], num_keypoints: int, where: str
) -> LabelledPersons:
    """Read ``gt_instances``; empty if the frame is not labelled."""
    if not sample['is_labeled']:
        fields = ('track_ids', 'keypoints', 'keypoints_visible', 'bbox_head')
        sample = dict(gt_instances=dict.fromkeys(fields, ()))
    take = _Fields(sample, 'gt_instances', where)
    ids = take.ids(unknown=True)
    count = len(ids)
    return LabelledPersons(
        keypoints_px=take('keypoints', (count, num_keypoints, 2)),
        valid=take('keypoints_visible', (count, num_keypoints)) > 0,
        heads_px=take('bbox_head', (count, 4)),
        ids=ids,
    )


def _read_predictions(
    sample: Mapping[str, Any], num_keypoints: int, where: str
) -> PredictedPersons:
    """Read ``pred_instances``."""
    take = _Fields(sample, 'pred_instances', where)
    ids = take.ids()
    count = len(ids)
    keypoints = take('keypoints', (count, num_keypoints, 2))
    return PredictedPersons(
        keypoints_px=keypoints,
        valid=np.isfinite(keypoints).all(axis=-1),
        scores=take('keypoint_scores', (count, num_keypoints)),
        visibility=take('keypoints_visible', (count, num_keypoints)),
        ids=ids,
        person_scores=take('bbox_scores', (count,)),
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
