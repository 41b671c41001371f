# Copyright (c) cape_mm contributors. All rights reserved.
"""Images of episodes and of tracked frames, in validation and test."""

from __future__ import annotations

import os.path as osp
from functools import partial
from typing import Any, Callable, Iterator, Sequence

import mmcv
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.image_check import read_image
from cape_mm.registry import HOOKS
from cape_mm.structures import EpisodeDataSample


class IntervalVisualizationHook(PoseVisualizationHook):
    """Draw every n-th result of an epoch; base of the hooks below.

    With ``out_dir`` the images go there and nowhere else, in validation with
    the epoch in their names; without it to the visualizer's backends.

    Args:
        enable (bool): Whether to draw at all. Defaults to False.
        interval (int): Draw every ``interval``-th result. Defaults to 50.
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
        super().__init__(bool(enable), interval, out_dir=out_dir, **kwargs)
        self._num_results = 0

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Count anew: the same results at every validation."""
        self._num_results = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Draw results of the validation."""
        if self.enable and self._can_draw(outputs):
            suffix = f'_epoch_{runner.epoch}'
            self._draw(runner, outputs, 'val', suffix, runner.iter)
        else:
            super().after_val_iter(runner, batch_idx, data_batch, outputs)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Draw results of the test."""
        if self.enable and self._can_draw(outputs):
            self._draw(runner, outputs, 'test')
        else:
            super().after_test_iter(runner, batch_idx, data_batch, outputs)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log the folder of the images."""
        if self.enable and self.out_dir is not None:
            runner.logger.info(f'Images are in {self.out_dir}')

    def _can_draw(self, outputs: Sequence | None) -> bool:
        """Whether the samples are drawn here; if not, MMPose draws them."""
        return True

    def _list_images(
        self, runner: Runner, outputs: Sequence, mode: str
    ) -> Iterator[tuple[str, Callable]]:
        """Name of each result's image, and the function that draws it."""
        raise NotImplementedError

    def _draw(
        self,
        runner: Runner,
        outputs: Sequence,
        mode: str,
        suffix: str = '',
        step: int = 0,
    ) -> None:
        """Draw every ``interval``-th result."""
        for name, draw in self._list_images(runner, outputs, mode):
            self._num_results += 1
            if (self._num_results - 1) % self.interval:
                continue
            out_file = None
            if self.out_dir is not None:
                out_file = osp.join(self.out_dir, f'{name}{suffix}.png')
            draw(
                name=f'{mode}_{name}',
                show=self.show,
                wait_time=self.wait_time,
                out_file=out_file,
                step=step,
            )


@HOOKS.register_module()
class EpisodeVisualizationHook(IntervalVisualizationHook):
    """Draw the queries of validation and test episodes.

    Images are named ``<category id>_<support id>_<query id>_<episode>.png`` by
    annotation ids. Samples that are no episodes are drawn as MMPose does.

    Args:
        *args: Arguments of :class:`IntervalVisualizationHook`.
        note (str): Text in the title, such as the way of decoding. Defaults to
            'autoregressive'.
        **kwargs: Arguments of :class:`IntervalVisualizationHook`.
    """

    def __init__(
        self, *args: Any, note: str = 'autoregressive', **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.note = note

    def _can_draw(self, outputs: Sequence | None) -> bool:
        return bool(outputs) and isinstance(outputs[0], EpisodeDataSample)

    def _list_images(
        self, runner: Runner, outputs: Sequence[EpisodeDataSample], mode: str
    ) -> Iterator[tuple[str, Callable]]:
        for episode in outputs:
            for index in range(len(episode.queries)):
                yield (
                    _name_query(episode, index),
                    partial(
                        self._visualizer.add_episode,
                        episode=episode,
                        query_index=index,
                        title=self.note,
                    ),
                )


@HOOKS.register_module()
class TrackVisualizationHook(IntervalVisualizationHook):
    """Draw tracked frames in validation and test: *labels | prediction*.

    Frames without labels have the prediction alone. Images are named
    ``<video>_<frame>.png``. It needs a
    :class:`cape_mm.visualization.TrackVisualizer`.

    Args:
        **kwargs: Arguments of :class:`IntervalVisualizationHook`.
    """

    def _list_images(
        self, runner: Runner, outputs: Sequence[PoseDataSample], mode: str
    ) -> Iterator[tuple[str, Callable]]:
        evaluator = getattr(runner, f'{mode}_evaluator')
        self._visualizer.set_dataset_meta(evaluator.dataset_meta)
        for frame in outputs:
            name = f'{frame.video_id}_{frame.frame_id:06d}'
            yield name, partial(self._draw_frame, frame)

    def _draw_frame(self, frame: PoseDataSample, **place: Any) -> None:
        self._visualizer.add_datasample(
            image=mmcv.bgr2rgb(read_image(frame.img_path)),
            data_sample=frame,
            draw_gt=frame.is_labeled,
            kpt_thr=self.kpt_thr,
            **place,
        )


def _name_query(episode: EpisodeDataSample, query_index: int) -> str:
    """``<category id>_<support id>_<query id>_<episode>[_<query>]``."""
    support = episode.supports[0].id
    query = episode.queries[query_index].id
    number = episode.episode[-1]
    name = f'{episode.category_id}_{support}_{query}_{number:04d}'
    # an instance can be several queries of one episode
    repeated = sum(other.id == query for other in episode.queries) > 1
    return f'{name}_{query_index}' if repeated else name
