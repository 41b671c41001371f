# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os.path as osp
from typing import Any, Sequence

from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook

from cape_mm.registry import HOOKS
from cape_mm.structures import EpisodeDataSample


@HOOKS.register_module()
class EpisodeVisualizationHook(PoseVisualizationHook):
    """Draw the queries of validation and test episodes.

    With ``out_dir`` the images go there and nowhere else, named
    ``<category id>_<support id>_<query id>_<episode>.png`` by annotation ids,
    in validation with the epoch; without it to the visualizer's backends.
    Samples that are no episodes are drawn as MMPose does.

    Args:
        enable (bool): Whether to draw at all. Defaults to False.
        interval (int): Draw every ``interval``-th query. Defaults to 50.
        note (str): Text in the title, such as how the points were predicted.
            Defaults to 'autoregressive'.
        out_dir (str, optional): Folder for the images, used as given: no
            working directory and no time stamp are put before it.
        **kwargs: Arguments of :class:`PoseVisualizationHook`.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 50,
        note: str = 'autoregressive',
        out_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        if out_dir is not None:
            out_dir = osp.abspath(osp.expanduser(out_dir))
        super().__init__(
            enable=enable, interval=interval, out_dir=out_dir, **kwargs
        )
        self.note = note
        self._num_queries = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Draw the same queries at every validation."""
        self._num_queries = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin to count queries."""
        self._num_queries = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Draw validation queries."""
        if not self.enable:
            return
        if not _are_episodes(outputs):
            super().after_val_iter(runner, batch_idx, data_batch, outputs)
            return
        suffix = f'_epoch_{runner.epoch}'
        self._draw(outputs, 'val', suffix, runner.iter)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Draw test queries."""
        if not self.enable:
            return
        if not _are_episodes(outputs):
            super().after_test_iter(runner, batch_idx, data_batch, outputs)
            return
        self._draw(outputs, 'test', '', 0)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Say where the images are."""
        if self.enable and self.out_dir is not None:
            runner.logger.info(f'Images are in {self.out_dir}')

    def _draw(
        self,
        episodes: Sequence[EpisodeDataSample],
        mode: str,
        suffix: str,
        step: int,
    ) -> None:
        for episode in episodes:
            for i in range(len(episode.queries)):
                self._num_queries += 1
                if (self._num_queries - 1) % self.interval:
                    continue
                name = _image_name(episode, i)
                out_file = None
                if self.out_dir is not None:
                    out_file = osp.join(self.out_dir, f'{name}{suffix}.png')
                self._visualizer.add_episode(
                    f'{mode}_{name}',
                    episode,
                    query_index=i,
                    title=self.note,
                    show=self.show,
                    wait_time=self.wait_time,
                    out_file=out_file,
                    step=step,
                )


def _are_episodes(outputs: Sequence | None) -> bool:
    return bool(outputs) and isinstance(outputs[0], EpisodeDataSample)


def _image_name(episode: EpisodeDataSample, query_index: int) -> str:
    """``<category id>_<support id>_<query id>_<episode>[_<query>]``."""
    support = episode.supports[0].id
    query = episode.queries[query_index].id
    number = episode.episode[-1]
    name = f'{episode.category_id}_{support}_{query}_{number:04d}'
    # an instance can be several queries of one episode
    repeated = sum(other.id == query for other in episode.queries) > 1
    return f'{name}_{query_index}' if repeated else name
