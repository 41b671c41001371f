# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.evaluation.functional.statistics import (
    ValidationTrend,
    validation_trend,
)
from cape_mm.registry import HOOKS

# A rise of the error by 0.3 of the best one, or a fall of a score near 1 by
# 0.05, is more than validations usually scatter.
_MAX_DROP = dict(less=0.3, greater=0.05)


@HOOKS.register_module()
class ValidationTrendHook(Hook):
    """Say after each validation whether a metric still gets better.

    One line: the value, the best one, how much worse it is than that, and the
    trend of the last validations. A sudden drop and a plateau are warnings.
    Nothing is stopped; MMEngine's ``EarlyStoppingHook`` does that, and
    ``save_best`` keeps what was best. The drop is logged as ``trend_drop``,
    Kendall's tau as ``trend_tau``.

    The values of earlier validations are read from MMEngine's message hub,
    which is part of the checkpoints: a resumed run knows them.

    Args:
        monitor (str): Key of the metric.
        rule (str): ``'greater'`` or ``'less'`` is better.
        max_drop (float, optional): Warn if the value is worse than the best
            one by more than this share of it. Defaults to 0.3 for 'less' and
            0.05 for 'greater'.
        min_delta (float): Least gain that counts. Defaults to 0.
        patience (int): Warn of a plateau after so many validations without
            gain. Defaults to 5.
        window (int): Number of last validations that make the trend. Defaults
            to 5.

    Raises:
        ValueError: If ``rule`` is neither of the two.
        KeyError: After a validation without the metric.
    """

    # after RuntimeInfoHook, which stores the metric; before LoggerHook
    priority = 'NORMAL'

    def __init__(
        self,
        monitor: str,
        rule: str,
        max_drop: float | None = None,
        min_delta: float = 0.0,
        patience: int = 5,
        window: int = 5,
    ) -> None:
        if rule not in _MAX_DROP:
            raise ValueError(f"rule is 'greater' or 'less', not {rule!r}")
        self.monitor = monitor
        self.rule = rule
        self.max_drop = _MAX_DROP[rule] if max_drop is None else max_drop
        self.min_delta = min_delta
        self.patience = patience
        self.window = window

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Compare with the validations before."""
        if self.monitor not in (metrics or {}):
            raise KeyError(
                f'{type(self).__name__} is to watch {self.monitor!r}, which '
                f'is not among the metrics {", ".join(metrics or {})}'
            )
        hub = runner.message_hub
        values = hub.get_scalar(f'val/{self.monitor}').data[0]
        trend = validation_trend(
            values, self.rule, self.min_delta, self.window
        )
        hub.update_scalar('val/trend_drop', trend.drop)
        if trend.tau == trend.tau:
            hub.update_scalar('val/trend_tau', trend.tau)
        runner.logger.info(self._describe(trend, len(values)))
        if trend.drop > self.max_drop:
            runner.logger.warning(
                f'Trend of {self.monitor}: sudden drop, {trend.last:.4g} is '
                f'{trend.drop:.0%} worse than the best value {trend.best:.4g}'
            )
        if trend.stale >= self.patience:
            runner.logger.warning(
                f'Trend of {self.monitor}: plateau, no gain above '
                f'{self.min_delta:g} in the last {trend.stale} validations'
            )

    def _describe(self, trend: ValidationTrend, count: int) -> str:
        """The last value, the best one and the trend, in one line."""
        text = (
            f'Trend of {self.monitor}: {trend.last:.4g} after {count} '
            f'validation(s), best {trend.best:.4g} in number '
            f'{trend.best_index + 1}'
        )
        if trend.tau == trend.tau:
            direction = 'better' if trend.tau > 0 else 'worse'
            if trend.tau == 0:
                direction = 'neither better nor worse'
            text += (
                f', the last {min(count, self.window)} get {direction} '
                f"(Kendall's tau {trend.tau:+.2f})"
            )
        return text
