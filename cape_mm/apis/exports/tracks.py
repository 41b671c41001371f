# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence

from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.posetrack import (
    PoseTrackWriter,
    check_exportable,
)
from cape_mm.errors import DataError
from cape_mm.evaluation.metrics.posetrack.posetrack_frames import read_frame


class TrackExport:
    """Write the results for one video as PoseTrack18 does, frame by frame.

    Used with ``with``: without :meth:`finish`, whatever the reason, nothing
    is left behind. What is held grows with the number of identities, not with
    that of frames.

    Example:
        >>> with TrackExport('out', inferencer.keypoint_names) as export:
        ...     for result in inferencer('video.mp4'):
        ...         export.add(result)
        ...     path = export.finish()

    Args:
        folder (str | Path): It is made.
        keypoint_names (Sequence[str]): The K keypoints.
        keypoint_score_thr (float): Least score of a keypoint to write.
            Defaults to 0.
        visibility_thr (float): Least visibility of one. Defaults to 0.

    Attributes:
        num_frames (int): Results so far.

    Raises:
        DataError: If the format has keypoints that are not among them.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        keypoint_names: Sequence[str],
        keypoint_score_thr: float = 0.0,
        visibility_thr: float = 0.0,
    ) -> None:
        check_exportable(keypoint_names)
        self.folder = Path(folder)
        self.thresholds = (keypoint_score_thr, visibility_thr)
        self.num_frames = 0
        self._names = list(keypoint_names)
        self._tracks: set[int] = set()
        self._writer: PoseTrackWriter | None = None

    @property
    def num_tracks(self) -> int:
        """int: Different identities so far."""
        return len(self._tracks)

    def __enter__(self) -> TrackExport:
        return self

    def __exit__(self, *error) -> None:
        if self._writer is not None:
            self._writer.discard()

    def add(self, result: PoseDataSample) -> None:
        """Write the persons of one frame.

        Args:
            result (PoseDataSample): Result of
                :class:`PoseTrackingInferencer`.

        Raises:
            DataError: If the video's name cannot be that of a file.
            RuntimeError: If the file is complete.
        """
        if self._writer is None and self.num_frames:
            raise RuntimeError(
                'the file is complete: another video needs another export'
            )
        frame = read_frame(
            result.to_dict(), len(self._names), *self.thresholds
        )
        if self._writer is None:
            self._writer = PoseTrackWriter(
                self.folder, frame.video_id, self._names
            )
        frame.write(self._writer)
        self._tracks.update(frame.pred_ids.tolist())
        self.num_frames += 1

    def finish(self) -> Path:
        """Complete the file.

        Returns:
            Path: ``<folder>/<video>.json``.

        Raises:
            DataError: If there were no results.
        """
        if self._writer is None:
            raise DataError(f'there are no results to write to {self.folder}')
        path = self._writer.finish()
        self._writer = None
        return path
