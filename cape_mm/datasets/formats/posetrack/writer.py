# Copyright (c) cape_mm contributors. All rights reserved.
"""Tracked poses as files of PoseTrack18, which evaluation kits read."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Mapping, Sequence

import numpy as np

from cape_mm.errors import DataError, refuse_nonfinite

from .keypoints import EARS, POSETRACK18_KEYPOINTS

#: The only entry of ``categories``.
_CATEGORY = dict(
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
        DataError: If one is missing.
    """
    missing = [
        name
        for name in POSETRACK18_KEYPOINTS
        if name not in names and name not in EARS
    ]
    if missing:
        raise DataError(
            f'no export in the format of PoseTrack18: it has the keypoints '
            f'{", ".join(missing)}, which the dataset lacks'
        )


class PoseTrackWriter:
    """Write the file of one video, frame by frame.

    Nothing is held per frame: records go to two files beside the target. One
    has no name. The other one begins with a dot, and takes the name of the
    target when it is complete; what was there before stays until then. Used
    with ``with``: without :meth:`finish`, whatever the reason, nothing is left
    behind.

    Tracks are numbered 0, 1, ... in the order in which they appear: poseval
    takes no ids from 10000 on.

    Example:
        >>> with PoseTrackWriter('out', 'walk', names) as writer:
        ...     writer.add(image, keypoints, written, scores, ids, certainty)
        ...     path = writer.finish()

    Args:
        folder (str | Path): Folder of the file; it is made.
        video_id (str): Name of the video; the file is
            ``<folder>/<video>.json``.
        names (Sequence[str]): Names of the K keypoints.

    Attributes:
        target (Path): The file.

    Raises:
        DataError: If the video's name cannot be that of a file.
    """

    def __init__(
        self, folder: str | Path, video_id: str, names: Sequence[str]
    ) -> None:
        if Path(video_id).name != video_id:
            raise DataError(
                f'video {video_id!r} is no name of a file: take the name of '
                'its annotation file as video_id'
            )
        self.target = Path(folder) / f'{video_id}.json'
        self._video_id = video_id
        # for each column of the file the keypoint, -1 if there is none
        self._columns = np.array(
            [
                names.index(name) if name in names and name not in EARS else -1
                for name in POSETRACK18_KEYPOINTS
            ]
        )
        self._numbers: dict[int, int] = {}
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._part = self.target.with_name(
            f'.{self.target.name}.{os.getpid()}.part'
        )
        # Each image has the length of the video, which is known at its end.
        with ExitStack() as files:
            self._images = files.enter_context(
                TemporaryFile('w+', dir=str(self.target.parent))
            )
            self._file = files.enter_context(open(self._part, 'w'))
            self._files = files.pop_all()
        self._file.write('{"annotations": [')
        self._comma = ''
        self._length = 0

    def __enter__(self) -> PoseTrackWriter:
        return self

    def __exit__(self, *error) -> None:
        self.discard()

    def add(
        self,
        image: Mapping[str, Any],
        keypoints_px: np.ndarray,
        written: np.ndarray,
        keypoint_scores: np.ndarray,
        track_ids: np.ndarray,
        person_scores: np.ndarray,
    ) -> None:
        """Write the next frame.

        Args:
            image (Mapping): ``frame_id``, ``img_id``, ``img_path``,
                ``num_frames``, ``width``, ``height``, ``is_labeled``; for a
                frame of a video file ``timestamp``, seconds: ``img_path`` is
                the video then, and no image is named.
            keypoints_px (np.ndarray): Keypoints (M, K, 2), original pixels.
            written (np.ndarray): Mask (M, K), bool; other keypoints are
                written as 0, 0, 0, and persons without any are left out.
            keypoint_scores (np.ndarray): Scores (M, K).
            track_ids (np.ndarray): Identities (M,).
            person_scores (np.ndarray): Scores (M,).

        Raises:
            DataError: If what is to be written is not finite.
        """
        record = self._describe_image(image)
        self._length = max(self._length, image['frame_id'] + 1)
        self._images.write(json.dumps(record) + '\n')
        mask = written[:, self._columns] & (self._columns >= 0)  # (M, 17)
        points = np.where(mask[..., None], keypoints_px[:, self._columns], 0.0)
        points = np.concatenate([points, mask[..., None]], axis=-1).round(3)
        scores = np.where(mask, keypoint_scores[:, self._columns], 0.0)
        where = str(image['img_path'])
        arrays = (points.swapaxes(0, 1), scores.swapaxes(0, 1))
        refuse_nonfinite(where, POSETRACK18_KEYPOINTS, *arrays)
        refuse_nonfinite(where, ['persons'], person_scores[None])
        for count, person in enumerate(np.flatnonzero(mask.any(axis=1))):
            places = points[person][mask[person], :2]
            low, high = places.min(axis=0), places.max(axis=0)
            annotation = dict(
                id=record['id'] * 1000 + count,
                image_id=record['id'],
                category_id=1,
                track_id=self._numbers.setdefault(
                    int(track_ids[person]), len(self._numbers)
                ),
                bbox=[*low.tolist(), *(high - low).tolist()],
                score=float(person_scores[person]),
                keypoints=points[person].ravel().tolist(),
                num_keypoints=int(mask[person].sum()),
                scores=scores[person].tolist(),
                iscrowd=0,
            )
            self._file.write(
                self._comma + json.dumps(annotation, allow_nan=False)
            )
            self._comma = ', '

    def finish(self) -> Path:
        """Complete the file and give it its name.

        Images whose ``num_frames`` is too small, or comes from the header of
        a video file, get the number of frames up to the last one.

        Returns:
            Path: The file.
        """
        self._file.write('], "images": [')
        self._images.seek(0)
        comma = ''
        for row in self._images:
            image = json.loads(row)
            if 'timestamp' in image or image['nframes'] < self._length:
                image['nframes'] = self._length
            self._file.write(comma + json.dumps(image))
            comma = ', '
        category = json.dumps(_CATEGORY)
        self._file.write(f'], "categories": [{category}]}}\n')
        self._files.close()
        os.replace(self._part, self.target)
        return self.target

    def discard(self) -> None:
        """Remove what is not complete."""
        try:
            self._files.close()
        finally:
            self._part.unlink(missing_ok=True)

    def _describe_image(self, image: Mapping[str, Any]) -> dict:
        """The record of one image; its path from ``images/`` on."""
        parts = Path(image['img_path']).parts
        if 'images' in parts:
            start = len(parts) - 1 - parts[::-1].index('images')
            parts = parts[start:]
        number = image['img_id']
        number = int(image['frame_id'] if number is None else number)
        time = image.get('timestamp')
        if time is None:
            place = dict(file_name=str(Path(*parts)))
        else:
            place = dict(video=parts[-1], timestamp=round(time, 6))
        return dict(
            id=number,
            frame_id=number,
            vid_id=self._video_id,
            nframes=image['num_frames'],
            **place,
            width=image['width'],
            height=image['height'],
            is_labeled=image['is_labeled'],
        )
