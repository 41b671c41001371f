# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Iterable, Iterator, Union

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmpose.structures import PoseDataSample
from rich.progress import track

from cape_mm.datasets.clip_window import unique_frames
from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import layout_metainfo, pack_frame
from cape_mm.datasets.pipeline import build_transforms
from cape_mm.datasets.transforms import LoadClipImages
from cape_mm.errors import UnsuitableCheckpointError, refuse_nonfinite
from cape_mm.models.pose_estimators import PAVENet

from .base_inferencer import BaseInferencer, PathLike
from .inputs.videos import (
    FrameSource,
    VideoFrame,
    open_video,
    stream_windows,
)

Video = Union[PathLike, FrameSource]


class PoseTrackingInferencer(BaseInferencer):
    """Find and track the poses of all persons in videos.

    Example:
        >>> inferencer = PoseTrackingInferencer('checkpoint.pth')
        >>> for result in inferencer('video.mp4'):
        ...     print(result.pred_instances.track_ids)
        ...     print(result.pred_instances.keypoints)

    Videos may have any length: only the frames of a few windows are held. Each
    is decoded once. Every call begins without tracks, and what is known
    of a video is in the iterator that the call returns; so several videos may
    be in work at a time.

    The arguments are those of :class:`BaseInferencer`.

    Attributes:
        dataset_meta (dict): Metainfo of the K keypoints and their skeleton,
            for visualizers.
        keypoint_names (list[str]): K names.

    Raises:
        UnsuitableCheckpointError: If the model does not track, besides the
            errors of :class:`BaseInferencer`.
    """

    kinds = (PAVENet,)
    purpose = 'pose tracking'

    def __init__(
        self,
        checkpoint: PathLike,
        config: Config | PathLike | None = None,
        device: str | torch.device | None = None,
        allowed_types: Iterable[str] = (),
    ) -> None:
        super().__init__(checkpoint, config, device, allowed_types)
        if self.model.tracker is None:
            raise UnsuitableCheckpointError(
                f"'{checkpoint}' is a PAVENet that does not track: its model "
                'needs a tracker'
            )
        dataset = self.test_dataset
        self.num_frames = dataset.get('num_frames', 3)
        self.frame_stride = dataset.get('frame_stride', 1)
        layout = dataset.get('keypoint_layout', 'posetrack15')
        self.dataset_meta = layout_metainfo(layout)
        names = self.dataset_meta['keypoint_id2name']
        self.keypoint_names = [names[index] for index in sorted(names)]
        transforms = build_transforms(dataset['pipeline'])
        if not transforms or not isinstance(transforms[0], LoadClipImages):
            raise ValueError(
                'the test pipeline must begin with LoadClipImages'
            )
        self._prepare = Compose(transforms)

    def __call__(
        self, video: Video, batch_size: int = 4, progress: bool = False
    ) -> Iterator[PoseDataSample]:
        """Track a video, lazily.

        Args:
            video (str | Path | FrameSource): Video file, folder of images,
                or a source of :func:`open_video`.
            batch_size (int): Windows that are predicted together. Defaults to
                4.
            progress (bool): Whether to show a progress bar. Defaults to False.

        Returns:
            Iterator[PoseDataSample]: One result per readable frame, in order.

            * ``pred_instances``, N persons, in pixels of the frame:
              ``keypoints`` (N, K, 2), ``keypoint_scores`` (N, K),
              ``keypoints_visible`` (N, K) in [0, 1], ``bboxes`` (N, 4),
              ``bbox_scores`` (N,), ``track_ids`` (N,) from 0.
            * ``video_id``, ``frame_id`` (place in the video from 0; skipped
              frames count), ``num_frames`` (0 if not known), ``img_path`` (of
              a video file the file), ``timestamp`` (seconds; None for images),
              ``ori_shape``.

        Raises:
            FileNotFoundError: If there is no such file or folder.
            DataError: If it cannot be read.
        """
        pairs = self.predict(video, batch_size, progress)
        return (result for _, result in pairs)

    def predict(
        self, video: Video, batch_size: int = 4, progress: bool = False
    ) -> Iterator[tuple[VideoFrame, PoseDataSample]]:
        """Track a video, lazily, and give the frames, too, to draw on.

        Args:
            video (str | Path | FrameSource): See :meth:`__call__`.
            batch_size (int): See :meth:`__call__`. Defaults to 4.
            progress (bool): See :meth:`__call__`. Defaults to False.

        Returns:
            Iterator[tuple[VideoFrame, PoseDataSample]]: One per frame.
        """
        if not isinstance(video, FrameSource):
            video = open_video(video)
        windows = stream_windows(video, self.num_frames, self.frame_stride)
        pairs = self._track(video, self._batches(windows, batch_size))
        if progress:
            pairs = track(pairs, video.video_id, video.num_frames)
        return iter(pairs)

    def _track(
        self, source: FrameSource, batches: Iterator[list[list[VideoFrame]]]
    ) -> Iterator[tuple[VideoFrame, PoseDataSample]]:
        """Predict batch by batch."""
        state = None
        for windows in batches:
            # as one clip, frames that windows share are encoded once
            clip = self._pack(windows, source)
            data = self.model.data_preprocessor(pseudo_collate([clip]))
            results, state = self.model.track(
                data['inputs'], data['data_samples'], state
            )
            for window, result in zip(windows, results):
                found = result.pred_instances
                where = f'frame {result.frame_id} of video {source.video_id}'
                arrays = (found.keypoints, found.keypoint_scores)
                arrays = [array.swapaxes(0, 1) for array in arrays]
                refuse_nonfinite(where, self.keypoint_names, *arrays)
                boxes = (found.bboxes[None], found.bbox_scores[None])
                refuse_nonfinite(where, ['boxes'], *boxes)
                # a video has no labels
                del result.gt_instances
                frame = window[len(window) // 2]
                result.set_metainfo(dict(timestamp=frame.time))
                yield frame, result

    def _pack(
        self, windows: list[list[VideoFrame]], source: FrameSource
    ) -> dict:
        """Inputs and data sample of T successive windows of F frames."""
        numbers, frame_index = unique_frames(
            [[frame.number for frame in window] for window in windows]
        )
        unique = {
            frame.number: frame for window in windows for frame in window
        }
        num_keypoints = len(self.keypoint_names)
        report = AnnotationReport(source.video_id)
        frames = [
            dict(
                img=unique[number].image,
                img_path=unique[number].path,
                img_id=None,
                video_id=source.video_id,
                frame_id=number,
                num_frames=source.num_frames or 0,
                is_labeled=False,
                ignore_regions=[],
                persons=[],
            )
            for number in numbers.tolist()
        ]
        return self._prepare(
            dict(
                frames=[pack_frame(f, num_keypoints, report) for f in frames],
                frame_index=frame_index,
                flip_indices=self.dataset_meta['flip_indices'],
                test_mode=True,
                rng=np.random.default_rng(0),
            )
        )
