# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from itertools import islice
from typing import Iterator, Union

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample
from rich.progress import track

from cape_mm.datasets.formats.posetrack import layout_metainfo
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.models.pose_estimators import PAVENet

from .checkpoint_config import test_dataset
from .clip_loader import ClipLoader
from .frame_source import FrameSource, VideoFrame, open_video
from .frame_windows import stream_windows
from .model_loading import load_config, load_estimator

Video = Union[str, 'os.PathLike[str]', FrameSource]


class ClipPoseInferencer:
    """Find and track the poses of all persons in videos.

    Example:
        >>> inferencer = ClipPoseInferencer('checkpoint.pth')
        >>> for result in inferencer('video.mp4'):
        ...     print(result.pred_instances.track_ids)
        ...     print(result.pred_instances.keypoints)

    Videos may have any length: only the frames of a few windows are held. Each
    is decoded once. Every call begins without tracks, and what is known
    of a video is in the iterator that the call returns; so several videos may
    be in work at a time.

    Args:
        checkpoint (str | Path): Checkpoint file or URL. All weights of the
            model have to be in it.
        config (Config | str | Path, optional): Config of the model. Defaults
            to the one that is stored in the checkpoint, which is read as
            data, not run.
        device (str | torch.device, optional): Defaults to the best one.

    Attributes:
        dataset_meta (dict): The K keypoints and their skeleton, as
            visualizers want it.
        keypoint_names (List[str]): K names.

    Raises:
        FileNotFoundError: If a file does not exist.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If config and checkpoint do not fit
            together, or the model does not track.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike[str],
        config: Config | str | os.PathLike[str] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        self.cfg = load_config(config, checkpoint)
        self.model = load_estimator(self.cfg, checkpoint, device)
        if not isinstance(self.model, PAVENet) or self.model.tracker is None:
            raise UnsuitableCheckpointError(
                f"'{checkpoint}' is a {type(self.model).__name__} that does "
                'not track: wanted is a PAVENet with a tracker'
            )
        dataset = test_dataset(self.cfg)
        self.num_frames = dataset.get('num_frames', 3)
        self.frame_stride = dataset.get('frame_stride', 1)
        layout = dataset.get('keypoint_layout', 'posetrack15')
        self.dataset_meta = layout_metainfo(layout)
        names = self.dataset_meta['keypoint_id2name']
        self.keypoint_names = [names[index] for index in sorted(names)]
        self.loader = ClipLoader(
            dataset['pipeline'], self.dataset_meta['flip_indices']
        )

    def __call__(
        self, video: Video, batch_size: int = 4, progress: bool = False
    ) -> Iterator[PoseDataSample]:
        """Track a video, lazily.

        Args:
            video (str | Path | FrameSource): Video file, folder of images,
                or what :func:`open_video` gives.
            batch_size (int): Windows that are predicted together. Defaults to
                4.
            progress (bool): Show a progress bar. Defaults to False.

        Returns:
            Iterator[PoseDataSample]: One result per readable frame, in order.

            * ``pred_instances``, N persons, in pixels of the frame:
              ``keypoints`` (N, K, 2), ``keypoint_scores`` (N, K),
              ``keypoints_visible`` (N, K) in [0, 1], ``bboxes`` (N, 4),
              ``bbox_scores`` (N,), ``track_ids`` (N,) from 0.
            * ``video_id``, ``frame_id`` (place in the video from 0; skipped
              frames count), ``num_frames`` (0 if not known), ``img_path``,
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
            batch_size (int): The same.
            progress (bool): The same.

        Returns:
            Iterator[Tuple[VideoFrame, PoseDataSample]]: One per frame.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}, must be >= 1')
        if not isinstance(video, FrameSource):
            video = open_video(video)
        pairs = self._track(video, batch_size)
        if progress:
            bar = track(
                pairs, description=video.video_id, total=video.num_frames
            )
            return iter(bar)
        return pairs

    def _track(
        self, source: FrameSource, batch_size: int
    ) -> Iterator[tuple[VideoFrame, PoseDataSample]]:
        """Predict batch by batch."""
        windows = stream_windows(source, self.num_frames, self.frame_stride)
        state = None
        while True:
            batch: list[list[VideoFrame]] = list(islice(windows, batch_size))
            if not batch:
                return
            # as one clip, frames that windows share are encoded once
            clip = self.loader.load(batch, source)
            data = self.model.data_preprocessor(pseudo_collate([clip]))
            results, state = self.model.track(
                data['inputs'], data['data_samples'], state
            )
            for window, result in zip(batch, results):
                # nobody is labelled
                del result.gt_instances
                yield window[len(window) // 2], result
