# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from abc import abstractmethod
from typing import Callable, Sequence

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import join_path
from mmengine.logging import print_log

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_check import find_missing
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.posetrack import (
    POSETRACK_PROBLEMS,
    keypoint_names,
    layout_metainfo,
)
from cape_mm.datasets.samplers import SampleIndex

from ..pipeline import build_transforms


class ClipDataset(BaseDataset):
    """Base of datasets of clips.

    A sample is ``dict(inputs=..., data_samples=...)``: the U unique frames of
    T windows of F frames, (U, 3, H, W) uint8, and a
    :class:`cape_mm.structures.ClipDataSample`, as ``PackClipInputs`` makes
    them.

    In training, a sample is chosen by ``SampleIndex(seed, epoch, number)``,
    as ``SeededSampler`` gives it, and everything random, also in transforms
    that read ``results['rng']``, comes from one generator seeded by it: so a
    sample does not depend on workers, ranks or a resume. An ``int`` ``i``
    means ``SampleIndex(self.seed, 0, i)``.

    ``metainfo`` describes the keypoints as MMPose's datasets do.

    Args:
        ann_file (str): Annotation file or folder, relative to ``data_root``.
        pipeline (Sequence[dict | Callable]): Transforms of a clip, from
            ``LoadClipImages`` to ``PackClipInputs``. Defaults to none.
        num_windows (int): T; 1 in test mode. Defaults to 1.
        num_frames (int): F, odd. Defaults to 3.
        keypoint_layout (str): Names and order of the keypoints, see
            :func:`cape_mm.datasets.formats.posetrack.layout_metainfo`.
            Defaults to ``'posetrack15'``.
        missing_images (str): ``'error'``, or ``'drop'`` to go on without the
            frames whose image is missing. Results are then not comparable
            with those of the whole dataset. Defaults to ``'error'``.
        seed (int): Seed of samples chosen by an ``int``; not negative.
            Defaults to 0.
        data_prefix (dict): Folder of the images, relative to ``data_root``.
            Defaults to ``dict(img='')``.
        allow_outside (bool): Whether annotations may name images outside of
            the folder of the images, by absolute paths, ``..`` or links; only
            for files that you trust. Defaults to False.
        test_mode (bool): Whether samples are for test. Defaults to False.
        **kwargs: Other arguments of MMEngine's ``BaseDataset``: ``data_root``,
            the folder of the dataset, and ``lazy_init``.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable] = (),
        num_windows: int = 1,
        num_frames: int = 3,
        keypoint_layout: str = 'posetrack15',
        missing_images: str = 'error',
        allow_outside: bool = False,
        seed: int = 0,
        data_prefix: dict | None = None,
        test_mode: bool = False,
        **kwargs,
    ) -> None:
        if num_frames < 1 or num_frames % 2 == 0:
            raise ValueError(
                f'num_frames is {num_frames}; a window has a middle frame, so '
                'it must be odd: 1, 3, 5, ...'
            )
        if num_windows < 1 or seed < 0:
            raise ValueError(
                f'num_windows is {num_windows}, must be >= 1; seed is {seed}, '
                'must be >= 0'
            )
        if test_mode and num_windows != 1:
            raise ValueError(
                f'num_windows is {num_windows} in test mode, where each frame '
                'is the middle of one window: set num_windows=1'
            )
        if missing_images not in ('error', 'drop'):
            raise ValueError(
                f"missing_images is 'error' or 'drop', not {missing_images!r}"
            )
        self.missing_images = missing_images
        self.allow_outside = allow_outside
        self.num_windows = num_windows
        self.num_frames = num_frames
        self.keypoint_layout = keypoint_layout
        self.seed = seed
        self._names = keypoint_names(keypoint_layout)
        self._num_persons = 0
        super().__init__(
            ann_file=ann_file,
            metainfo=layout_metainfo(keypoint_layout),
            data_prefix=data_prefix or dict(img=''),
            pipeline=build_transforms(pipeline),
            test_mode=test_mode,
            **kwargs,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Take the meta information as it is: it has been parsed."""
        return metainfo or {}

    @abstractmethod
    def make_clip(self, index: SampleIndex, rng: np.random.Generator) -> dict:
        """Choose the frames of a sample.

        Args:
            index (SampleIndex): Index of the sample.
            rng (np.random.Generator): Generator of the sample.

        Returns:
            dict: ``frames``, a list of U dictionaries, and ``frame_index``
            (T, F) int64.
        """

    @abstractmethod
    def describe(self) -> str:
        """Describe the clips in a few lines.

        Returns:
            str: The lines.
        """
        if not self._fully_initialized:
            self.full_init()
        return (
            f'annotations: {self.ann_file}\n'
            f'content: {self._summary()}\n'
            f'clip: {self.num_windows} window(s) of {self.num_frames} '
            'frame(s), '
        )

    @abstractmethod
    def _summary(self) -> str:
        """Counts of images and poses."""

    def __getitem__(self, index: int | SampleIndex) -> dict:
        """Make one sample.

        Args:
            index (int | SampleIndex): Index of the sample.

        Returns:
            dict: Result of the pipeline; without a pipeline, its input:
            ``frames``, ``frame_index``, ``flip_indices``, ``test_mode`` and
            ``rng``.
        """
        if not self._fully_initialized:
            self.full_init()
        index = SampleIndex.resolve(index, self)
        rng = np.random.default_rng(list(index))
        clip = self.make_clip(index, rng)
        clip.update(
            flip_indices=list(self._metainfo['flip_indices']),
            test_mode=self.test_mode,
            rng=rng,
        )
        return self.pipeline(clip)

    def get_subset_(self, indices) -> None:
        """Not possible: frames alone are no videos."""
        raise NotImplementedError(
            f'{type(self).__name__} cannot be cut by frames; write an '
            'annotation file or folder with the videos to keep'
        )

    get_subset = get_subset_

    def _start_report(self) -> AnnotationReport:
        """An empty report of problems in the annotations."""
        return AnnotationReport(self.ann_file, problems=POSETRACK_PROBLEMS)

    def _find_images(
        self, frames: list[dict], report: AnnotationReport
    ) -> list[dict]:
        """Frames with the ``img_path`` of their images, which are there."""
        check_image_names(
            (frame['file_name'] for frame in frames),
            self.data_prefix['img'],
            self.ann_file,
            self.allow_outside,
        )
        for frame in frames:
            frame['img_path'] = join_path(
                self.data_prefix['img'], frame['file_name']
            )
        paths = {frame['img_path'] for frame in frames}
        missing = find_missing(paths)
        if missing and self.missing_images == 'error':
            raise FileNotFoundError(
                f'{len(missing)} of {len(paths)} images of {self.ann_file} '
                f'are missing, e.g. {", ".join(sorted(missing)[:3])}. Put '
                'them there, correct data_root or data_prefix, or set '
                "missing_images='drop' to go on without them"
            )
        for frame in frames:
            if frame['img_path'] in missing:
                report.add('missing_image', frame['file_name'])
        return [frame for frame in frames if frame['img_path'] not in missing]

    def _finish_report(
        self, frames: list[dict], report: AnnotationReport
    ) -> None:
        """Log the loaded frames and the problems of their annotations."""
        self._num_persons = sum(
            len(frame['instances']['track_ids']) for frame in frames
        )
        if report:
            print_log(str(report), logger='current', level=30)
        print_log(f'{self.ann_file}: {self._summary()}', logger='current')

    def _order_of_epoch(self, index: SampleIndex, count: int) -> int:
        """Choose one of ``count`` clips for this sample.

        Each is chosen once before one is chosen again; the order is another
        one in each epoch.
        """
        turn, place = divmod(index.number, count)
        # The last word keeps this stream apart from those of the samples.
        stream = [index.seed, index.epoch, turn, 1]
        order = np.random.default_rng(stream).permutation(count)
        return int(order[place])
