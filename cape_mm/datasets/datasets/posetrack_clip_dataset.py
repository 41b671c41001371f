# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.formats.posetrack import pack_frame, read_videos
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS

from ..clip_window import draw_centers, unique_frames, window_positions
from .clip_dataset import ClipDataset


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
    :func:`cape_mm.datasets.formats.posetrack.pack_frame`),
    ``ignore_regions`` and ``ignore_bboxes``, in original pixels. Identities
    hold in one video only, and a clip is always of one video.

    Persons without labelled keypoint and crowds become ``ignore_bboxes``.
    Problems of the annotations are counted and reported once.

    Args:
        ann_file (str): Annotation file or folder, relative to ``data_root``.
        frame_stride (int): Distance of the frames of a window. Defaults to 1.
        max_gap (int): Largest distance of the middle frames of successive
            windows, drawn from 1 on. Defaults to 1.
        clips_per_epoch (int, optional): Number of clips of an epoch. Defaults
            to one for each possible start.
        hidden_keypoints (str): ``'keep'`` keypoints that are labelled but
            marked as hidden, as the official evaluations do, or ``'drop'``
            them. Defaults to ``'keep'``.
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
        hidden_keypoints: str = 'keep',
        **kwargs,
    ) -> None:
        for name, value in (
            ('frame_stride', frame_stride),
            ('max_gap', max_gap),
            ('clips_per_epoch', clips_per_epoch),
        ):
            if value is not None and value < 1:
                raise ValueError(f'{name} is {value}, must be >= 1')
        if hidden_keypoints not in ('keep', 'drop'):
            raise ValueError(
                "hidden_keypoints is 'keep' or 'drop', not "
                f'{hidden_keypoints!r}'
            )
        self.frame_stride = frame_stride
        self.max_gap = max_gap
        self.clips_per_epoch = clips_per_epoch
        self.hidden_keypoints = hidden_keypoints
        # of each video: its frame numbers (M,), ascending, and the positions
        # of its labelled frames (L,)
        self._numbers: list[np.ndarray] = []
        self._labelled: list[np.ndarray] = []
        # of each clip: its video, and which labelled frame of it is the first
        self._starts: list[tuple[int, int]] = []
        super().__init__(ann_file=ann_file, **kwargs)

    @property
    def video_lengths(self) -> list[int]:
        """list[int]: Number of frames of each video, in the data's order."""
        if not self._fully_initialized:
            self.full_init()
        return [len(numbers) for numbers in self._numbers]

    def __len__(self) -> int:
        if not self._fully_initialized:
            self.full_init()
        if self.test_mode:
            return sum(self.video_lengths)
        return self.clips_per_epoch or len(self._starts)

    def load_data_list(self) -> list[dict]:
        """Load the frames of all videos and report problems.

        Returns:
            list[dict]: One dictionary per frame, video by video.
        """
        report = self._start_report()
        found = read_videos(self.ann_file, self._names, report)
        frames = [
            dict(frame, video_id=video_id)
            for video_id, members in found.items()
            for frame in members
        ]
        videos: dict[str, list[dict]] = {}
        keep_hidden = self.hidden_keypoints == 'keep'
        for frame in self._find_images(frames, report):
            frame = pack_frame(frame, len(self._names), report, keep_hidden)
            video = videos.setdefault(frame['video_id'], [])
            video.append(dict(frame, frame_id=len(video)))
        for video in videos.values():
            for frame in video:
                frame['num_frames'] = len(video)
        self._numbers = [
            np.array([frame['frame_number'] for frame in video])
            for video in videos.values()
        ]
        self._labelled = [
            np.flatnonzero([frame['is_labeled'] for frame in video])
            for video in videos.values()
        ]
        self._starts = [
            (video, start)
            for video, labelled in enumerate(self._labelled)
            if len(labelled)
            for start in range(max(1, len(labelled) - self.num_windows + 1))
        ]
        frames = [frame for video in videos.values() for frame in video]
        self._finish_report(frames, report)
        if not frames:
            raise ValueError(f'{self.ann_file} has no frame')
        if not self.test_mode and not self._starts:
            raise ValueError(
                f'{self.ann_file} has no labelled frame, so there is nothing '
                'to train on: choose another ann_file, or test_mode=True'
            )
        return frames

    def make_clip(self, index: SampleIndex, rng: np.random.Generator) -> dict:
        """Choose the frames of a sample; see :class:`ClipDataset`."""
        stops = np.cumsum([0, *self.video_lengths])
        if self.test_mode:
            video = int(np.searchsorted(stops, index.number, side='right')) - 1
            centers = [index.number - int(stops[video])]
        else:
            clip = self._order_of_epoch(index, len(self._starts))
            video, start = self._starts[clip]
            centers = draw_centers(
                self._numbers[video],
                self._labelled[video],
                start,
                self.num_windows,
                self.max_gap,
                rng,
            )
        numbers, first = self._numbers[video], int(stops[video])
        positions, frame_index = unique_frames(
            [
                window_positions(
                    numbers, center, self.num_frames, self.frame_stride
                )
                for center in centers
            ]
        )
        frames = [self.get_data_info(first + i) for i in positions.tolist()]
        return dict(frames=frames, frame_index=frame_index)

    def describe(self) -> str:
        """Describe the clips in a few lines; see :class:`ClipDataset`."""
        count = len(self)
        kind = 'frames to test' if self.test_mode else 'clips per epoch'
        return (
            f'{super().describe()}frame_stride {self.frame_stride}, '
            f'max_gap {self.max_gap}\n{kind}: {count}'
        )

    def _summary(self) -> str:
        """Counts of videos, frames and poses."""
        labelled = sum(map(len, self._labelled))
        total = sum(map(len, self._numbers))
        return (
            f'{len(self._numbers)} videos, {total} frames, {labelled} of them '
            f'labelled, with {self._num_persons} poses of '
            f'{len(self._names)} keypoints'
        )
