# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from mmengine.dataset import Compose

from cape_mm.datasets.clip_window import unique_frames
from cape_mm.datasets.pipeline import build_transforms
from cape_mm.datasets.transforms import LoadClipImages

from .frame_source import FrameSource, VideoFrame


class ClipLoader:
    """Run a config's test pipeline on windows that belong to no dataset.

    Args:
        pipeline (Sequence[dict | Callable]): From ``LoadClipImages`` to
            ``PackClipInputs``.
        flip_indices (Sequence[int]): Partner of each of the K keypoints.

    Raises:
        ValueError: If the pipeline does not begin with ``LoadClipImages``.
    """

    def __init__(
        self,
        pipeline: Sequence[dict | Callable],
        flip_indices: Sequence[int],
    ) -> None:
        transforms = build_transforms(pipeline)
        if not transforms or not isinstance(transforms[0], LoadClipImages):
            raise ValueError(
                'the test pipeline must begin with LoadClipImages'
            )
        self._prepare = Compose(transforms)
        self.flip_indices = list(flip_indices)

    def load(
        self,
        windows: Sequence[Sequence[VideoFrame]],
        source: FrameSource,
    ) -> dict:
        """Prepare windows that follow each other.

        Args:
            windows (Sequence[Sequence[VideoFrame]]): T windows of F frames.
            source (FrameSource): The video.

        Returns:
            dict: ``inputs`` and ``data_samples`` of a clip, see
            :class:`PackClipInputs`. The frames are not labelled; their
            ``num_frames`` is 0 if nobody knows it.
        """
        frames = {
            frame.number: frame for window in windows for frame in window
        }
        numbers, frame_index = unique_frames(
            [[frame.number for frame in window] for window in windows]
        )
        return self._prepare(
            dict(
                frames=[
                    self._describe(frames[number], source)
                    for number in numbers.tolist()
                ],
                frame_index=frame_index,
                flip_indices=self.flip_indices,
                test_mode=True,
                rng=np.random.default_rng(0),
            )
        )

    def _describe(self, frame: VideoFrame, source: FrameSource) -> dict:
        """A frame as datasets have it, with nobody in it."""
        count = len(self.flip_indices)
        return dict(
            img=frame.image,
            img_path=frame.path,
            img_id=None,
            video_id=source.video_id,
            frame_id=frame.number,
            num_frames=source.num_frames or 0,
            is_labeled=False,
            ignore_regions=[],
            ignore_bboxes=np.zeros((0, 4), np.float32),
            instances=dict(
                keypoints=np.zeros((0, count, 2), np.float32),
                keypoints_visible=np.zeros((0, count), np.float32),
                bboxes=np.zeros((0, 4), np.float32),
                bbox_head=np.zeros((0, 4), np.float32),
                areas=np.zeros(0, np.float32),
                track_ids=np.zeros(0, np.int64),
            ),
        )
