# Copyright (c) cape_mm contributors. All rights reserved.
"""Predictions as records of PoseTrack18, which evaluation kits read."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

from .posetrack_frames import PoseTrackFrame

#: Keypoints of PoseTrack18's files; the ears are always 0.
POSETRACK18_KEYPOINTS = (
    'nose',
    'head_bottom',
    'head_top',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)
_EARS = ('left_ear', 'right_ear')
#: The only entry of ``categories``.
POSETRACK18_CATEGORY = dict(
    id=1,
    name='person',
    supercategory='person',
    keypoints=list(POSETRACK18_KEYPOINTS),
    skeleton=[],
)


def check_exportable(names: Sequence[str]) -> None:
    """Check that all keypoints of PoseTrack18 but the ears are there.

    Args:
        names (Sequence[str]): Names of the predicted keypoints.

    Raises:
        ValueError: If one is missing.
    """
    missing = [
        name
        for name in POSETRACK18_KEYPOINTS
        if name not in names and name not in _EARS
    ]
    if missing:
        raise ValueError(
            f'no export in the format of PoseTrack18: it has the keypoints '
            f'{", ".join(missing)}, which the dataset lacks'
        )


def video_file(folder: str | Path, video_id: str) -> Path:
    """The file of a video.

    Args:
        folder (str | Path): Where files are.
        video_id (str): The video.

    Returns:
        Path: ``<folder>/<video>.json``.

    Raises:
        ValueError: If the video's name cannot be that of a file.
    """
    if Path(video_id).name != video_id:
        raise ValueError(
            f'video {video_id!r} is no name of a file: take the name of its '
            'annotation file as video_id'
        )
    return Path(folder) / f'{video_id}.json'


class PoseTrackRecords:
    """Make the records of one video, frame by frame.

    Tracks are numbered 0, 1, ... in the order in which they appear: poseval
    takes no ids from 10000 on.

    Args:
        names (Sequence[str]): The K joint classes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = np.array(
            [
                names.index(name)
                if name in names and name not in _EARS
                else -1
                for name in POSETRACK18_KEYPOINTS
            ]
        )
        self._numbers: dict[int, int] = {}

    def add(
        self, frame: PoseTrackFrame, joints: np.ndarray
    ) -> tuple[dict, list[dict]]:
        """Records of the next frame.

        Args:
            frame (PoseTrackFrame): With M predicted persons.
            joints (np.ndarray): (M, K) bool, the joints that are written;
                the others are 0, 0, 0.

        Returns:
            tuple:
            - image (dict): An entry of ``images``.
            - persons (List[dict]): Entries of ``annotations``, of those who
              have a joint to write.
        """
        image = _image(frame)
        predicted = frame.predicted
        there = joints[:, self._columns] & (self._columns >= 0)
        points = np.where(
            there[..., None], predicted.keypoints_px[:, self._columns], 0.0
        )
        points = np.concatenate([points, there[..., None]], axis=-1).round(3)
        scores = np.where(there, predicted.scores[:, self._columns], 0.0)
        records = []
        for person in np.flatnonzero(there.any(axis=1)):
            places = points[person][there[person], :2]
            low, high = places.min(axis=0), places.max(axis=0)
            track_id = int(predicted.ids[person])
            records.append(
                dict(
                    id=image['id'] * 1000 + len(records),
                    image_id=image['id'],
                    category_id=1,
                    track_id=self._numbers.setdefault(
                        track_id, len(self._numbers)
                    ),
                    bbox=[*low.tolist(), *(high - low).tolist()],
                    score=float(predicted.person_scores[person]),
                    keypoints=points[person].ravel().tolist(),
                    num_keypoints=int(there[person].sum()),
                    scores=scores[person].tolist(),
                    iscrowd=0,
                )
            )
        return image, records


def _image(frame: PoseTrackFrame) -> dict:
    """The record of one image; its path from ``images/`` on."""
    parts = Path(frame.img_path).parts
    if 'images' in parts:
        start = len(parts) - 1 - parts[::-1].index('images')
        parts = parts[start:]
    number = frame.frame_id if frame.img_id is None else int(frame.img_id)
    return dict(
        id=number,
        frame_id=number,
        vid_id=frame.video_id,
        nframes=frame.num_frames,
        file_name=str(Path(*parts)),
        width=frame.width,
        height=frame.height,
        is_labeled=frame.is_labeled,
    )
