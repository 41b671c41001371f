# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the hooks that decide by a metric decide well."""

from __future__ import annotations

import math
from typing import Iterator

from mmengine.hooks import CheckpointHook, EarlyStoppingHook

from cape_mm.engine.hooks import CollapseMonitorHook
from cape_mm.evaluation.functional.collapse_verdict import LIMITS

from ..metric_probe import MetricProbe
from ..monitors import Monitor, find_monitors
from ..recipe import Recipe
from ..recipe_data import RecipeData
from ..rule import ERROR, WARNING, rule

#: A gain that must be larger than this share of what there is to gain.
_COARSE = 0.05
#: A blind predictor that gets more than this share of what there is to get.
_FLATTERING = 0.5


@rule(
    'best-not-kept',
    WARNING,
    'Set save_best and rule in default_hooks.checkpoint: the last checkpoint '
    'may be far from the best one.',
)
def best_not_kept(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The best model outlives the training."""
    hooks = list(recipe.hooks_of(CheckpointHook))
    if recipe.model and not any(hook.get('save_best') for _, hook in hooks):
        yield 'no checkpoint hook keeps the best model'


@rule(
    'rule-missing',
    ERROR,
    "Add rule='greater' or rule='less': for this metric MMEngine cannot "
    'tell which is better.',
)
def rule_missing(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Which way is better is said, or can be inferred."""
    for monitor in find_monitors(recipe):
        if monitor.rule is None and _infer_rule(monitor.key) is None:
            yield f'{monitor.place} watches {monitor.key} and has no rule'


@rule(
    'rule-direction',
    ERROR,
    'Turn the rule around: it holds the worst model for the best.',
)
def rule_direction(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Better is where a perfect prediction is."""
    for monitor in find_monitors(recipe):
        value = monitor.rule or _infer_rule(monitor.key)
        reach = _reach(data.metrics, monitor.key)
        if value is None or not reach:
            continue
        if (reach > 0) != (value == 'greater'):
            how = 'has' if monitor.rule else 'MMEngine infers'
            yield (
                f'{monitor.place}: for {monitor.key} {how} rule {value!r}, '
                'but perfect predictions give '
                f'{data.metrics.perfect[monitor.key]:.4g} and blind ones '
                f'{data.metrics.constant[monitor.key]:.4g}'
            )


@rule(
    'monitor-emitted',
    ERROR,
    'Name a metric that the validation emits, or add the metric.',
)
def monitor_emitted(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """What is watched is there."""
    if data.metrics is None:
        return
    emitted = list(data.metrics.perfect)
    for monitor in find_monitors(recipe):
        if monitor.key not in emitted:
            yield (
                f'{monitor.place} watches {monitor.key!r}, the validation '
                f'gives {", ".join(emitted) or "nothing"}'
            )


@rule(
    'min-delta-scale',
    ERROR,
    'Set min_delta to about a hundredth of what there is to gain; the default '
    'of 0.1 is for metrics in percent.',
)
def min_delta_scale(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """A step forward is not taken for a standstill."""
    for monitor in _early_stoppings(recipe):
        reach = _reach(data.metrics, monitor.key)
        min_delta = float(monitor.hook.get('min_delta', 0.1))
        if reach and min_delta > _COARSE * abs(reach):
            share = min_delta / abs(reach)
            yield (
                f'{monitor.place}: min_delta {min_delta:g} is {share:.0%} of '
                f'the {abs(reach):.3g} between {data.metrics.blind_to} and '
                f'perfection in {monitor.key}'
            )


@rule(
    'early-stop-strict',
    WARNING,
    'Set strict=True: without it, early stopping is silently off when the '
    'metric is missing.',
)
def early_stop_strict(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Early stopping fails loudly."""
    for monitor in _early_stoppings(recipe):
        if not monitor.hook.get('strict', False):
            yield f'{monitor.place} is not strict'


@rule(
    'early-stop-never',
    WARNING,
    'Validate more often or lower the patience, which counts validations, '
    'not epochs.',
)
def early_stop_never(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Early stopping has a chance to stop."""
    train_cfg = recipe.cfg.get('train_cfg') or {}
    length = recipe.max_epochs or train_cfg.get('max_iters')
    if not length:
        return
    interval = train_cfg.get('val_interval', 1)
    count = math.ceil(length / interval)
    for monitor in _early_stoppings(recipe):
        patience = monitor.hook.get('patience', 5)
        if patience + 1 >= count:
            yield (
                f'{monitor.place}: with {count} validations and patience '
                f'{patience} the training is over first'
            )


@rule(
    'blind-monitor',
    WARNING,
    'Choose and stop by a metric that tells them apart, such as MRE_mm with '
    'rule="less", or watch it as well.',
)
def blind_monitor(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """A model that ignores the image looks bad in some watched metric."""
    if data.metrics is None:
        return
    values = {
        monitor.key: (
            data.metrics.perfect[monitor.key],
            data.metrics.constant.get(monitor.key, math.nan),
        )
        for monitor in find_monitors(recipe)
        if monitor.key in data.metrics.perfect
    }
    flattering = [
        f'{blind:.2f} of {perfect:.2f} in {key}'
        for key, (perfect, blind) in values.items()
        if blind > _FLATTERING * perfect > 0
    ]
    if flattering and len(flattering) == len(values):
        yield (
            f'predicting {data.metrics.blind_to} for every image gives '
            f'{", ".join(flattering)}, and nothing else is watched'
        )


@rule(
    'collapse-unwatched',
    WARNING,
    'Add cape_mm.CephalometricMetric to val_evaluator and '
    'dict(type="cape_mm.CollapseMonitorHook") to custom_hooks.',
)
def collapse_unwatched(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Somebody looks whether predictions follow the image."""
    cephalograms = data.cephalograms('val')
    if cephalograms is None or cephalograms.schema is None:
        return
    hooks = list(recipe.hooks_of(CollapseMonitorHook))
    if not hooks:
        yield 'no hook watches for collapse'
    elif data.metrics is not None:
        place, hook = hooks[0]
        lead = f'{hook["prefix"]}/' if hook.get('prefix') else ''
        if not any(lead + name in data.metrics.perfect for name in LIMITS):
            yield f'{place} has no statistic of the validation to watch'


def _early_stoppings(recipe: Recipe) -> Iterator[Monitor]:
    for monitor in find_monitors(recipe):
        if monitor.kind is EarlyStoppingHook:
            yield monitor


def _infer_rule(key: str) -> str | None:
    """What MMEngine makes of the name."""
    try:
        return EarlyStoppingHook(monitor=key).rule
    except ValueError:
        return None


def _reach(probe: MetricProbe | None, key: str) -> float | None:
    """Perfect minus blind; None or 0 if that says nothing."""
    if probe is None or key not in probe.perfect:
        return None
    reach = probe.perfect[key] - probe.constant.get(key, math.nan)
    return reach if math.isfinite(reach) else None
