# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.formats.posetrack import pack_frame, read_coco_images
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS

from .clip_dataset import ClipDataset


@DATASETS.register_module()
class StaticImageClipDataset(ClipDataset):
    """Pseudo clips of still images, to pre-train on COCO.

    A clip shows one image as a slowly moving camera would, and the persons of
    the image are its identities. The middle frame of the middle
    window is the image as it is. In test mode, an image is a video of one
    frame that does not move.

    With ``keypoint_layout='posetrack15'``, the nose and the twelve keypoints
    of arms and legs are taken from COCO by their names. ``head_bottom`` and
    ``head_top`` are left unlabelled: COCO does not annotate them, and means of
    ears or eyes are other places. They are learned from PoseTrack afterwards.
    ``'coco'`` gives COCO's 17 keypoints.

    ``get_data_info(i)`` gives image ``i``, with the entries of a frame of
    :class:`PoseTrackClipDataset`.

    Args:
        ann_file (str): COCO keypoint file, relative to ``data_root``.
        rotation (float): Largest turn from frame to frame, in degrees.
            Defaults to 5.
        shift (float): Largest shift from frame to frame, as a share of width
            and height. Defaults to 0.02.
        scale (float): Largest growth from frame to frame, as a share.
            Defaults to 0.02.
        shake (float): Share of these limits by which each frame may differ
            from an even motion. Defaults to 0.1.
        **kwargs: Other arguments of :class:`ClipDataset`.

    Raises:
        FileNotFoundError: If the file or an image is missing.
        ValueError: If the file is broken or has no usable person.
    """

    def __init__(
        self,
        ann_file: str,
        rotation: float = 5.0,
        shift: float = 0.02,
        scale: float = 0.02,
        shake: float = 0.1,
        **kwargs,
    ) -> None:
        self.rotation = rotation
        self.shift = shift
        self.scale = scale
        self.shake = shake
        super().__init__(ann_file=ann_file, **kwargs)

    @property
    def video_lengths(self) -> list[int]:
        """list[int]: One frame for each image."""
        return [1] * len(self)

    def load_data_list(self) -> list[dict]:
        """Load the images and report problems.

        Returns:
            list[dict]: One dictionary per image with a usable person; in
            test mode, one per image.
        """
        report = self._start_report()
        frames = read_coco_images(self.ann_file, self._names, report)
        images = []
        for frame in self._find_images(frames, report):
            frame = pack_frame(frame, len(self._names), report, is_video=False)
            if not len(frame['instances']['track_ids']) and not self.test_mode:
                report.add('no_person', frame['file_name'])
                continue
            video_id = str(frame['img_id'])
            frame.update(video_id=video_id, frame_id=0, num_frames=1)
            images.append(frame)
        self._num_images = len(images)
        self._finish_report(images, report)
        if not images:
            raise ValueError(f'{self.ann_file} has no usable person. {report}')
        return images

    def make_clip(self, index: SampleIndex, rng: np.random.Generator) -> dict:
        """Move over an image; see :class:`ClipDataset`."""
        if self.test_mode:
            frame = self.get_data_info(index.number)
            frame_index = np.zeros((1, self.num_frames), np.int64)
            return dict(frames=[frame], frame_index=frame_index)
        # (T, F): each window is one frame later than the last
        frame_index = np.add.outer(
            np.arange(self.num_windows), np.arange(self.num_frames)
        )
        count = self.num_windows + self.num_frames - 1
        still = self.num_frames // 2 + self.num_windows // 2
        number = self._order_of_epoch(index, len(self))
        frames = []
        for position, move in enumerate(self.draw_moves(count, still, rng)):
            # each its own copy: the transforms change it
            frame = self.get_data_info(number)
            frame.update(frame_id=position, num_frames=count, move=move)
            frames.append(frame)
        return dict(frames=frames, frame_index=frame_index)

    def draw_moves(
        self, num_frames: int, still: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw the motion of a clip.

        Args:
            num_frames (int): U.
            still (int): Index of the frame that is the image as it is.
            rng (np.random.Generator): Generator of the clip.

        Returns:
            np.ndarray: Moves (U, 4), see
            :func:`cape_mm.datasets.transforms.clip_geometry.move_matrix`.
        """
        limits = np.array(
            [np.deg2rad(self.rotation), self.shift, self.shift, self.scale]
        )
        speed = rng.uniform(-limits, limits)
        shaken = rng.uniform(-limits, limits, size=(num_frames, 4))
        shaken[still] = 0
        time = np.arange(num_frames) - still
        return time[:, None] * speed + self.shake * shaken

    def describe(self) -> str:
        """Describe the clips in a few lines; see :class:`ClipDataset`."""
        return (
            f'{super().describe()}rotation {self.rotation:g}, shift '
            f'{self.shift:g}, scale {self.scale:g}, shake {self.shake:g}'
        )

    def _summary(self) -> str:
        """Counts of images and poses."""
        return f'{self._num_images} images with {self._num_persons} poses'
