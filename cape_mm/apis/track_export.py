# Copyright (c) cape_mm contributors. All rights reserved.
from dataclasses import replace
from pathlib import Path
from typing import List, Sequence, Set

from mmpose.structures import PoseDataSample

from cape_mm.errors import DataError
from cape_mm.evaluation.reports.posetrack_export import (
    check_exportable,
    write_video,
)
from cape_mm.evaluation.scoring.posetrack_comparison import (
    PoseTrackRules,
    tracked_joints,
)
from cape_mm.evaluation.scoring.posetrack_frame import (
    PoseTrackFrame,
    read_frame,
)


class TrackExport:
    """Collect the results for one video and write them as PoseTrack18 does.

    Args:
        keypoint_names (Sequence[str]): The K keypoints.
        keypoint_score_thr (float): Least score of a joint that is written.
            Defaults to 0.
        visibility_thr (float): Least visibility of one. Defaults to 0.

    Raises:
        DataError: If the format has keypoints that are not among them.
    """

    def __init__(
        self,
        keypoint_names: Sequence[str],
        keypoint_score_thr: float = 0.0,
        visibility_thr: float = 0.0,
    ) -> None:
        try:
            check_exportable(keypoint_names)
        except ValueError as error:
            raise DataError(str(error)) from None
        self.names = list(keypoint_names)
        self.rules = PoseTrackRules(
            keypoint_score_thr, visibility_thr, False, False
        )
        self._frames: List[PoseTrackFrame] = []
        self._tracks: Set[int] = set()

    @property
    def num_frames(self) -> int:
        """int: Results so far."""
        return len(self._frames)

    @property
    def num_tracks(self) -> int:
        """int: Different identities so far."""
        return len(self._tracks)

    def add(self, result: PoseDataSample) -> None:
        """Keep the persons of one frame, not its picture.

        Args:
            result (PoseDataSample): Of :class:`ClipPoseInferencer`.
        """
        frame = read_frame(result.to_dict(), len(self.names))
        self._frames.append(frame)
        self._tracks.update(frame.predicted.ids.tolist())

    def write(self, folder: str) -> Path:
        """Write all results.

        Args:
            folder (str): It is made.

        Returns:
            Path: ``<folder>/<video>.json``.
        """
        last = self._frames[-1].frame_id + 1
        frames = [
            # of a stream nobody knows the length before its end
            replace(frame, num_frames=max(frame.num_frames, last))
            for frame in self._frames
        ]
        exported = [tracked_joints(frame, self.rules) for frame in frames]
        return write_video(folder, frames, exported, self.names)
