# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os.path as osp
from typing import Any, Sequence

import mmcv
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.structures import PoseDataSample

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class TrackVisualizationHook(PoseVisualizationHook):
    """Draw tracked frames in validation and test: *labels | prediction*.

    Frames without labels show the prediction alone. With ``out_dir`` the
    images go there and nowhere else, named ``<video>_<frame>.png``, in
    validation with the epoch; without it to the visualizer's backends. It
    wants a :class:`cape_mm.visualization.TrackVisualizer`.

    Args:
        enable (bool): Whether to draw at all. Defaults to False.
        interval (int): Draw every ``interval``-th frame. Defaults to 50.
        out_dir (str, optional): Folder for the images, used as given: no
            working directory and no time stamp are put before it.
        **kwargs: Arguments of :class:`PoseVisualizationHook`.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 50,
        out_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        if out_dir is not None:
            out_dir = osp.abspath(osp.expanduser(out_dir))
        super().__init__(
            enable=enable, interval=interval, out_dir=out_dir, **kwargs
        )
        self._num_frames = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Draw the same frames at every validation."""
        self._num_frames = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin to count frames."""
        self._num_frames = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw validation frames."""
        if self.enable:
            meta = runner.val_evaluator.dataset_meta
            suffix = f'_epoch_{runner.epoch}'
            self._draw(outputs, meta, 'val', suffix, runner.iter)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw test frames."""
        if self.enable:
            meta = runner.test_evaluator.dataset_meta
            self._draw(outputs, meta, 'test', '', 0)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Say where the images are."""
        if self.enable and self.out_dir is not None:
            runner.logger.info(f'Images are in {self.out_dir}')

    def _draw(
        self,
        frames: Sequence[PoseDataSample],
        dataset_meta: dict,
        mode: str,
        suffix: str,
        step: int,
    ) -> None:
        self._visualizer.set_dataset_meta(dataset_meta)
        for frame in frames:
            self._num_frames += 1
            if (self._num_frames - 1) % self.interval:
                continue
            name = f'{frame.video_id}_{frame.frame_id:06d}'
            out_file = None
            if self.out_dir is not None:
                out_file = osp.join(self.out_dir, f'{name}{suffix}.png')
            self._visualizer.add_datasample(
                f'{mode}_{name}',
                mmcv.imread(frame.img_path, channel_order='rgb'),
                data_sample=frame,
                draw_gt=frame.is_labeled,
                kpt_thr=self.kpt_thr,
                show=self.show,
                wait_time=self.wait_time,
                out_file=out_file,
                step=step,
            )
