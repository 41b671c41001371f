# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from math import isfinite
from typing import Mapping

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from cape_mm.evaluation.functional.collapse_verdict import (
    CRITICAL,
    OK,
    WARNING,
    CollapseVerdict,
    judge_collapse,
    merge_limits,
)
from cape_mm.registry import HOOKS

_STREAKS = 'collapse_monitor_streaks'
_NAMES = {WARNING: 'warning', CRITICAL: 'critical'}
_LOG_LEVELS = {
    OK: logging.INFO,
    WARNING: logging.WARNING,
    CRITICAL: logging.ERROR,
}


class CollapseError(RuntimeError):
    """Training has collapsed, and is configured to fail then."""


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Watch whether predictions still follow the image.

    After each validation it reads the collapse statistics among the metrics,
    names the fault if there is one, and logs it with a hint. A training that
    has collapsed is reported, stopped or made to fail. The level, 0, 1 or 2,
    is logged as ``collapse_level`` beside the metrics. A test is judged once,
    without consequences.

    How many validations in a row had signs is part of the checkpoint. A
    checkpoint of an epoch is written before its validation: after a resume,
    that one validation is not counted.

    Args:
        action (str): What happens at critical signs: ``'warn'``, ``'stop'``
            the training or ``'raise'`` an error. Signs below that are only
            reported. Defaults to ``'warn'``.
        begin_epoch (int, optional): First epoch whose validation is judged; a
            sound training, too, begins near the mean shape. Defaults to None,
            after a tenth of the iterations.
        consecutive (int): Validations in a row that must show signs before
            they are reported as such, critical ones before the action.
            Defaults to 2.
        min_images (int): With fewer images the statistics are logged, but
            not judged. Defaults to 8.
        limits (dict, optional): Changes of the limits; see
            :func:`merge_limits`.
        prefix (str, optional): Prefix of the metric, as in ``ceph/corr``.
            Defaults to none.

    Raises:
        ValueError: If an argument is not one of the above.
        KeyError: After a validation, if no metric emits a statistic.
        CollapseError: After a validation, with ``action='raise'``.
    """

    # after RuntimeInfoHook, before LoggerHook, which logs the level
    priority = 'NORMAL'

    def __init__(
        self,
        action: str = 'warn',
        begin_epoch: int | None = None,
        consecutive: int = 2,
        min_images: int = 8,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        prefix: str | None = None,
    ) -> None:
        if action not in ('warn', 'stop', 'raise'):
            raise ValueError(
                f"action is 'warn', 'stop' or 'raise', not {action!r}"
            )
        if consecutive < 1:
            raise ValueError(f'consecutive must be >= 1, got {consecutive}')
        self.action = action
        self.begin_epoch = begin_epoch
        self.consecutive = consecutive
        self.min_images = min_images
        self.limits = merge_limits(limits)
        self.prefix = prefix
        self._streaks = {WARNING: 0, CRITICAL: 0}

    def before_train(self, runner: Runner) -> None:
        """Continue to count where the checkpoint stopped."""
        saved = runner.message_hub.runtime_info.get(_STREAKS, [0, 0])
        self._streaks = dict(zip((WARNING, CRITICAL), saved))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Judge the metrics of a validation."""
        verdict = self._judge(runner, runner.val_dataloader, metrics)
        if verdict is None:
            return
        if not _is_training(runner):
            _log(runner, verdict, verdict.level)
            return
        runner.message_hub.update_scalar('val/collapse_level', verdict.level)
        if self._is_too_early(runner):
            return
        for level in self._streaks:
            seen = verdict.level >= level
            self._streaks[level] = self._streaks[level] + 1 if seen else 0
        runner.message_hub.update_info(_STREAKS, list(self._streaks.values()))
        self._report(runner, verdict)
        if self._streaks[CRITICAL] >= self.consecutive:
            self._act(runner, verdict)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Judge the metrics of a test."""
        verdict = self._judge(runner, runner.test_dataloader, metrics)
        if verdict is not None:
            _log(runner, verdict, verdict.level)

    def _judge(
        self,
        runner: Runner,
        loader: DataLoader,
        metrics: dict[str, float] | None,
    ) -> CollapseVerdict | None:
        """The verdict, or None if there is nothing to judge."""
        metrics = metrics or {}
        lead = f'{self.prefix}/' if self.prefix else ''
        statistics = {
            name: float(metrics[lead + name])
            for name in self.limits
            if lead + name in metrics
        }
        if not statistics:
            raise KeyError(
                f'{type(self).__name__} needs at least one of '
                f'{", ".join(lead + name for name in self.limits)} among the '
                f'metrics, which are {", ".join(metrics)}; add a metric that '
                'emits them, such as cape_mm.CephalometricMetric'
            )
        count = len(loader.dataset)
        if count < self.min_images:
            runner.logger.info(
                f'Collapse: {count} images are too few to judge '
                f'(min_images={self.min_images}): {_join(statistics)}'
            )
            return None
        if not any(isfinite(value) for value in statistics.values()):
            runner.logger.warning(
                'Collapse: no statistic is a finite number, so the '
                f'predictions cannot be judged: {_join(statistics)}'
            )
            return None
        return judge_collapse(statistics, self.limits)

    def _is_too_early(self, runner: Runner) -> bool:
        if self.begin_epoch is None:
            return runner.iter < 0.1 * runner.max_iters
        return runner.epoch < self.begin_epoch

    def _report(self, runner: Runner, verdict: CollapseVerdict) -> None:
        """As serious as the longest streak, at first only a note."""
        serious = [k for k, n in self._streaks.items() if n]
        confirmed = [
            k for k, n in self._streaks.items() if n >= self.consecutive
        ]
        if serious:
            times = self._streaks[max(confirmed or serious)]
            note = f', signs in {times} validation(s) in a row'
            _log(runner, verdict, max(confirmed, default=OK), note)

    def _act(self, runner: Runner, verdict: CollapseVerdict) -> None:
        if self.action == 'stop':
            runner.logger.error('Collapse: training is stopped')
            runner.train_loop.stop_training = True
        elif self.action == 'raise':
            raise CollapseError(
                f'critical signs of collapse in {self._streaks[CRITICAL]} '
                f'validation(s) in a row: {verdict}'
            )


def _log(
    runner: Runner, verdict: CollapseVerdict, level: int, note: str = ''
) -> None:
    if verdict.level == OK:
        return
    text = f'Collapse: {_NAMES[verdict.level]}{note}: {verdict}'
    runner.logger.log(_LOG_LEVELS[level], text)


def _join(statistics: dict[str, float]) -> str:
    return ', '.join(f'{k} {v:.3g}' for k, v in statistics.items())


def _is_training(runner: Runner) -> bool:
    # asking the runner for its loop would build it
    return isinstance(runner._train_loop, BaseLoop)
