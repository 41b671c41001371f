# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import (
    AnnotatedFrame,
    check_regions,
    pack_instances,
    read_videos,
)
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS

from ..clip_window import draw_centers, unique_frames, window_positions
from .clip_dataset import ClipDataset


class _Video(NamedTuple):
    """Where a video's frames are.

    Attributes:
        start (int): Index of its first frame among those of all videos.
        numbers (np.ndarray): (M,) its frame numbers, ascending.
        labelled (np.ndarray): (L,) positions of its labelled frames.
    """

    start: int
    numbers: np.ndarray
    labelled: np.ndarray


@DATASETS.register_module()
class PoseTrackClipDataset(ClipDataset):
    """Clips of PoseTrack17, 18 or 21, from the files as they are released.

    The format is recognised. ``ann_file`` is the folder with one annotation
    file per video, e.g. ``annotations/train``, or a file with several videos.
    Images are named relative to the folder of images, which is
    ``data_root`` unless ``data_prefix`` says otherwise.

    In training, the middle frames of the T windows are labelled, and each
    labelled frame that has enough others behind it starts one clip per epoch.
    The other frames of a window may be unlabelled. If they are labelled, they
    have their persons, too. In test, each frame of each video is the middle of
    one window, in order; ``len()`` is the number of all frames, and
    ``VideoSampler`` keeps the frames of a video on one process.

    ``get_data_info(i)`` gives frame ``i`` of all videos: ``video_id``,
    ``frame_id`` (position in its video), ``num_frames``, ``img_path``,
    ``img_id``, ``is_labeled``, ``size``, ``instances`` (see
    :data:`cape_mm.datasets.transforms.clip_instances.INSTANCE_FIELDS`),
    ``ignore_regions`` and ``ignore_bboxes``, in original pixels. Identities
    hold in one video only, and a clip is always of one video.

    Persons without labelled joint and crowds become ``ignore_bboxes``. What is
    not usual is counted and reported once.

    Args:
        ann_file (str): Annotation file or folder, relative to ``data_root``.
        frame_stride (int): Distance of the frames of a window. Defaults to 1.
        max_gap (int): Largest distance of the middle frames of successive
            windows, drawn from 1 on. Defaults to 1.
        clips_per_epoch (int, optional): Number of clips of an epoch. Defaults
            to one for each possible start.
        hidden_joints (str): ``'keep'`` those that are labelled but marked as
            hidden, as the official evaluations do, or ``'drop'`` them.
            Defaults to ``'keep'``.
        **kwargs: Other arguments of :class:`ClipDataset`.

    Raises:
        FileNotFoundError: If annotations or images are missing.
        ValueError: If a file is broken, or has nothing to train on.
    """

    def __init__(
        self,
        ann_file: str,
        frame_stride: int = 1,
        max_gap: int = 1,
        clips_per_epoch: int | None = None,
        hidden_joints: str = 'keep',
        **kwargs,
    ) -> None:
        for name, value in (
            ('frame_stride', frame_stride),
            ('max_gap', max_gap),
            ('clips_per_epoch', clips_per_epoch),
        ):
            if value is not None and value < 1:
                raise ValueError(f'{name} is {value}, must be >= 1')
        if hidden_joints not in ('keep', 'drop'):
            raise ValueError(
                f"hidden_joints is 'keep' or 'drop', not {hidden_joints!r}"
            )
        self.frame_stride = frame_stride
        self.max_gap = max_gap
        self.clips_per_epoch = clips_per_epoch
        self.hidden_joints = hidden_joints
        self._videos: list[_Video] = []
        # (C, 2): a video, and which of its labelled frames starts a clip
        self._starts = np.zeros((0, 2), np.int64)
        self._num_persons = 0
        super().__init__(ann_file=ann_file, **kwargs)

    @property
    def video_lengths(self) -> list[int]:
        """List[int]: Number of frames of each video, in the data's order."""
        if not self._fully_initialized:
            self.full_init()
        return [len(video.numbers) for video in self._videos]

    def __len__(self) -> int:
        if not self._fully_initialized:
            self.full_init()
        if self.test_mode:
            return sum(self.video_lengths)
        return self.clips_per_epoch or len(self._starts)

    def load_data_list(self) -> list[dict]:
        """Load the frames of all videos and report what is not usual.

        Returns:
            List[dict]: One dictionary per frame, video by video.
        """
        report = self._start_report()
        videos = read_videos(self.ann_file, self._names, report)
        paths = {
            self._image_path(frame.file_name)
            for video in videos
            for frame in video.frames
        }
        missing = self._find_missing(paths)
        self._videos = []
        all_frames: list[dict] = []
        for video in videos:
            frames = []
            for frame in video.frames:
                if self._image_path(frame.file_name) in missing:
                    report.add('missing_image', frame.file_name)
                else:
                    frames.append(self._make_frame(frame, report))
            for position, frame in enumerate(frames):
                frame.update(
                    video_id=video.video_id,
                    frame_id=position,
                    num_frames=len(frames),
                )
            if frames:
                self._videos.append(_locate(frames, len(all_frames)))
                all_frames += frames
        self._starts = self._find_starts()
        self._num_persons = sum(
            len(frame['instances']['track_ids']) for frame in all_frames
        )
        self._log(report, self._summary())
        self._check_usable()
        return all_frames

    def make_clip(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> dict[str, object]:
        """Choose the frames of an item; see :class:`ClipDataset`."""
        if self.test_mode:
            video, center = self._find_frame(index.number)
            centers = [center]
        else:
            clip = self._order_of_epoch(index, len(self._starts))
            number, start = self._starts[clip].tolist()
            video = self._videos[number]
            centers = draw_centers(
                video.numbers,
                video.labelled,
                start,
                self.num_windows,
                self.max_gap,
                rng,
            )
        windows = [
            window_positions(
                video.numbers, center, self.num_frames, self.frame_stride
            )
            for center in centers
        ]
        positions, frame_index = unique_frames(windows)
        frames = [
            self.get_data_info(video.start + position)
            for position in positions.tolist()
        ]
        return dict(frames=frames, frame_index=frame_index)

    def describe(self) -> str:
        """Say in a few lines what the clips are made of.

        Returns:
            str: The lines.
        """
        count = len(self)
        kind = 'frames to test' if self.test_mode else 'clips per epoch'
        return '\n'.join(
            [
                f'annotations: {self.ann_file}',
                f'content: {self._summary()}',
                f'clip: {self.num_windows} window(s) of {self.num_frames} '
                f'frame(s), frame_stride {self.frame_stride}, max_gap '
                f'{self.max_gap}',
                f'{kind}: {count}',
            ]
        )

    def _make_frame(
        self, frame: AnnotatedFrame, report: AnnotationReport
    ) -> dict:
        """What is kept of a frame."""
        instances, ignore_bboxes = pack_instances(
            frame,
            len(self._names),
            report,
            keep_hidden=self.hidden_joints == 'keep',
        )
        return dict(
            img_path=self._image_path(frame.file_name),
            img_id=frame.image_id,
            frame_number=frame.number,
            is_labeled=frame.is_labeled,
            size=frame.size,
            instances=instances,
            ignore_regions=check_regions(
                frame.ignore_regions, frame.file_name, report
            ),
            ignore_bboxes=ignore_bboxes,
        )

    def _find_starts(self) -> np.ndarray:
        """All possible starts of clips."""
        starts = [
            (number, start)
            for number, video in enumerate(self._videos)
            if len(video.labelled)
            for start in range(
                max(1, len(video.labelled) - self.num_windows + 1)
            )
        ]
        return np.array(starts, np.int64).reshape(-1, 2)

    def _find_frame(self, index: int):
        """The video of a frame, and its position there."""
        starts = [video.start for video in self._videos]
        number = int(np.searchsorted(starts, index, side='right')) - 1
        return self._videos[number], index - starts[number]

    def _summary(self) -> str:
        labelled = sum(len(video.labelled) for video in self._videos)
        total = sum(len(video.numbers) for video in self._videos)
        return (
            f'{len(self._videos)} videos, {total} frames, {labelled} of them '
            f'labelled, with {self._num_persons} poses of '
            f'{len(self._names)} keypoints'
        )

    def _check_usable(self) -> None:
        if not self._videos:
            raise ValueError(f'{self.ann_file} has no frame')
        if not self.test_mode and not len(self._starts):
            raise ValueError(
                f'{self.ann_file} has no labelled frame, so there is nothing '
                'to train on: choose another ann_file, or test_mode=True'
            )


def _locate(frames: list[dict], start: int) -> _Video:
    return _Video(
        start=start,
        numbers=np.array([frame['frame_number'] for frame in frames]),
        labelled=np.flatnonzero([frame['is_labeled'] for frame in frames]),
    )
