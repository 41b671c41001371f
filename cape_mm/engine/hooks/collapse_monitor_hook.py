# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from math import isfinite
from typing import Mapping, Sequence

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from cape_mm.checks import Finding
from cape_mm.checks.collapse import (
    collapse_level,
    describe_collapse,
    judge_collapse,
    merge_limits,
)
from cape_mm.registry import HOOKS

_STREAKS = 'collapse_monitor_streaks'
#: Levels of a collapse, as ``collapse_level`` in the log.
_OK, _WARNING, _CRITICAL = 0, 1, 2
_NAMES = {_WARNING: 'warning', _CRITICAL: 'critical'}
_LOG_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR)


class CollapseError(RuntimeError):
    """Collapse of a training that is configured to fail then."""


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Watch whether predictions still follow the image.

    After each validation it reads the collapse statistics among the metrics,
    names the fault if there is one, and logs it with a hint. A training that
    has collapsed is reported, stopped or made to fail. The level, 0, 1 or 2,
    is logged as ``collapse_level`` beside the metrics. A test is judged once,
    without consequences.

    How many validations in a row had signs is part of the checkpoint.

    Args:
        action (str): Reaction to critical signs: ``'warn'``, ``'stop'``
            the training or ``'raise'`` an error. Signs below that are only
            reported. Defaults to ``'warn'``.
        begin_epoch (int, optional): First epoch whose validation is judged; a
            sound training, too, begins near the mean shape. Defaults to None,
            after a tenth of the iterations.
        consecutive (int): Validations in a row that must show signs before
            they are reported as such, critical ones before the action.
            Defaults to 2.
        min_images (int): Least number of images that are judged; with fewer
            the statistics are logged, but not judged. Defaults to 8.
        limits (dict, optional): Changes of the limits by statistic, with
            ``warn_below``, ``critical_below``, ``warn_above`` and
            ``critical_above``; None removes a limit.
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
        self._streaks = {_WARNING: 0, _CRITICAL: 0}

    def before_train(self, runner: Runner) -> None:
        """Continue to count where the checkpoint stopped."""
        saved = runner.message_hub.runtime_info.get(_STREAKS, [0, 0])
        self._streaks = dict(zip((_WARNING, _CRITICAL), saved))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Judge the metrics of a validation."""
        findings = self._judge(runner, runner.val_dataloader, metrics)
        if findings is None:
            return
        found = collapse_level(findings)
        # asking the runner for its loop would build it
        if not isinstance(runner._train_loop, BaseLoop):
            _log(runner, findings, found)
            return
        runner.message_hub.update_scalar('val/collapse_level', found)
        if self.begin_epoch is None:
            is_too_early = runner.iter < 0.1 * runner.max_iters
        else:
            is_too_early = runner.epoch < self.begin_epoch
        if is_too_early:
            return
        for level, streak in self._streaks.items():
            self._streaks[level] = streak + 1 if found >= level else 0
        runner.message_hub.update_info(_STREAKS, list(self._streaks.values()))
        self._report(runner, findings)
        times = self._streaks[_CRITICAL]
        if times < self.consecutive:
            return
        if self.action == 'stop':
            runner.logger.error('Collapse: training is stopped')
            runner.train_loop.stop_training = True
        elif self.action == 'raise':
            raise CollapseError(
                f'critical signs of collapse in {times} validation(s) in a '
                f'row: {describe_collapse(findings)}'
            )

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Judge the metrics of a test."""
        findings = self._judge(runner, runner.test_dataloader, metrics) or []
        _log(runner, findings, collapse_level(findings))

    def _judge(
        self,
        runner: Runner,
        loader: DataLoader,
        metrics: dict[str, float] | None,
    ) -> list[Finding] | None:
        """Signs of collapse; None if there is nothing to judge."""
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
        listed = ', '.join(f'{k} {v:.3g}' for k, v in statistics.items())
        if count < self.min_images:
            runner.logger.info(
                f'Collapse: {count} images are too few to judge '
                f'(min_images={self.min_images}): {listed}'
            )
            return None
        if not any(isfinite(value) for value in statistics.values()):
            runner.logger.warning(
                'Collapse: no statistic is a finite number, so the '
                f'predictions cannot be judged: {listed}'
            )
            return None
        return judge_collapse(statistics, self.limits)

    def _report(self, runner: Runner, findings: Sequence[Finding]) -> None:
        """Log as serious as the longest streak, at first only a note."""
        streaks = self._streaks.items()
        serious = [level for level, n in streaks if n]
        confirmed = [level for level, n in streaks if n >= self.consecutive]
        if serious:
            times = self._streaks[max(confirmed or serious)]
            note = f', signs in {times} validation(s) in a row'
            _log(runner, findings, max(confirmed, default=_OK), note)


def _log(
    runner: Runner, findings: Sequence[Finding], level: int, note: str = ''
) -> None:
    """Log signs of collapse, if any, as serious as a level."""
    if findings:
        name = _NAMES[collapse_level(findings)]
        text = f'Collapse: {name}{note}: {describe_collapse(findings)}'
        runner.logger.log(_LOG_LEVELS[level], text)
