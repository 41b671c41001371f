# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether hooks can be built, and decide by metrics that decide well."""

from __future__ import annotations

import inspect
import math
from typing import Iterator, NamedTuple

from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import HOOKS

from cape_mm.evaluation.functional.collapse import LIMITS

from ..rule import CONFIG_RULES
from ..training_config import TrainingConfig, find_class
from .metrics import MetricProbe, probe_metrics

#: Keys that MMEngine takes out before it builds a hook.
_RUNNER_KEYS = ('type', 'priority', '_scope_')
#: A gain that must be larger than this share of what there is to gain.
_COARSE = 0.05
#: A blind predictor that gets more than this share of what there is to get.
_FLATTERING = 0.5


@CONFIG_RULES.error(
    "Correct the hook's type or arguments; removing the hook instead leaves "
    'the training without it.'
)
def hook_arguments(config: TrainingConfig) -> Iterator[str]:
    """Hooks or arguments that do not exist."""
    for place, hook in config.hooks():
        kind = find_class(HOOKS, hook)
        if kind is None:
            yield f'{place}: there is no hook {hook.get("type")!r}'
            continue
        given = [key for key in hook if key not in _RUNNER_KEYS]
        unknown = _unknown(kind, given)
        if unknown:
            yield f'{place}: {kind.__name__} takes no {", ".join(unknown)}'
        missing = [
            name
            for name, p in inspect.signature(kind).parameters.items()
            if p.default is p.empty
            and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            and name not in given
        ]
        if missing:
            yield f'{place}: {kind.__name__} needs {", ".join(missing)}'


@CONFIG_RULES.warning(
    'Set save_best and rule in default_hooks.checkpoint: the last checkpoint '
    'may be far from the best one.'
)
def best_not_kept(config: TrainingConfig) -> Iterator[str]:
    """No ``save_best``."""
    hooks = config.hooks_of('CheckpointHook')
    if config.model and not any(hook.get('save_best') for _, hook in hooks):
        yield 'no checkpoint hook keeps the best model'


@CONFIG_RULES.error(
    "Add rule='greater' or rule='less': for this metric MMEngine cannot "
    'infer which is better.'
)
def rule_missing(config: TrainingConfig) -> Iterator[str]:
    """A metric whose direction MMEngine cannot infer."""
    for monitor in _find_monitors(config):
        if monitor.rule is None and _infer_rule(monitor.key) is None:
            yield f'{monitor.place} watches {monitor.key} and has no rule'


@CONFIG_RULES.error(
    'Turn the rule around: it holds the worst model for the best.'
)
def rule_direction(config: TrainingConfig) -> Iterator[str]:
    """The worst taken for the best."""
    probe = probe_metrics(config)
    for monitor in _find_monitors(config):
        value = monitor.rule or _infer_rule(monitor.key)
        reach = _reach(probe, monitor.key)
        if value and reach and (reach > 0) != (value == 'greater'):
            how = 'has' if monitor.rule else 'MMEngine infers'
            yield (
                f'{monitor.place}: for {monitor.key} {how} rule {value!r}, '
                'but perfect predictions give '
                f'{probe.perfect[monitor.key]:.4g} and blind ones '
                f'{probe.constant[monitor.key]:.4g}'
            )


@CONFIG_RULES.error(
    'Name a metric that the validation emits, or add the metric.'
)
def monitor_emitted(config: TrainingConfig) -> Iterator[str]:
    """A watched metric that no metric of the validation emits."""
    probe = probe_metrics(config)
    if probe is None:
        return
    for monitor in _find_monitors(config):
        if monitor.key not in probe.perfect:
            yield (
                f'{monitor.place} watches {monitor.key!r}, the validation '
                f'gives {", ".join(probe.perfect) or "nothing"}'
            )


@CONFIG_RULES.error(
    'Set min_delta to about a hundredth of what there is to gain; the default '
    'of 0.1 is for metrics in percent.'
)
def min_delta_scale(config: TrainingConfig) -> Iterator[str]:
    """``min_delta`` above 5 % of what there is to gain."""
    probe = probe_metrics(config)
    for monitor in _monitors_of(config, 'EarlyStoppingHook'):
        reach = _reach(probe, monitor.key)
        min_delta = float(monitor.hook.get('min_delta', 0.1))
        if reach and min_delta > _COARSE * abs(reach):
            share = min_delta / abs(reach)
            yield (
                f'{monitor.place}: min_delta {min_delta:g} is {share:.0%} of '
                f'the {abs(reach):.3g} between {probe.blind_to} and '
                f'perfection in {monitor.key}'
            )


@CONFIG_RULES.warning(
    'Set strict=True: without it, early stopping is silently off when the '
    'metric is missing.'
)
def early_stop_strict(config: TrainingConfig) -> Iterator[str]:
    """Early stopping that is silently off without its metric."""
    for monitor in _monitors_of(config, 'EarlyStoppingHook'):
        if not monitor.hook.get('strict', False):
            yield f'{monitor.place} is not strict'


@CONFIG_RULES.warning(
    'Validate more often or lower the patience, which counts validations, '
    'not epochs.'
)
def early_stop_never(config: TrainingConfig) -> Iterator[str]:
    """Patience that outlasts the training."""
    train_cfg = config.cfg.get('train_cfg') or {}
    length = config.max_epochs or train_cfg.get('max_iters')
    if not length:
        return
    interval = train_cfg.get('val_interval', 1)
    count = math.ceil(length / interval)
    for monitor in _monitors_of(config, 'EarlyStoppingHook'):
        patience = monitor.hook.get('patience', 5)
        if patience + 1 >= count:
            yield (
                f'{monitor.place}: with {count} validations and patience '
                f'{patience} the training is over first'
            )


@CONFIG_RULES.warning(
    'Choose and stop by a metric that tells them apart, such as MRE_mm with '
    'rule="less", or watch it as well.'
)
def blind_monitor(config: TrainingConfig) -> Iterator[str]:
    """Only metrics watched that flatter a constant prediction."""
    probe = probe_metrics(config)
    if probe is None:
        return
    watched = dict.fromkeys(m.key for m in _find_monitors(config))
    values = [
        (key, probe.perfect[key], probe.constant.get(key, math.nan))
        for key in watched
        if key in probe.perfect
    ]
    flattering = [
        f'{blind:.2f} of {perfect:.2f} in {key}'
        for key, perfect, blind in values
        if blind > _FLATTERING * perfect > 0
    ]
    if flattering and len(flattering) == len(values):
        yield (
            f'predicting {probe.blind_to} for every image gives '
            f'{", ".join(flattering)}, and nothing else is watched'
        )


@CONFIG_RULES.warning(
    'Add cape_mm.CephalometricMetric to val_evaluator and '
    'dict(type="cape_mm.CollapseMonitorHook") to custom_hooks.'
)
def collapse_unwatched(config: TrainingConfig) -> Iterator[str]:
    """No hook that watches for collapse."""
    probe = probe_metrics(config)
    if config.table('val', schema=True) is None:
        return
    hooks = list(config.hooks_of('CollapseMonitorHook'))
    if not hooks:
        yield 'no hook watches for collapse'
    elif probe is not None:
        place, hook = hooks[0]
        lead = f'{hook["prefix"]}/' if hook.get('prefix') else ''
        if not any(lead + name in probe.perfect for name in LIMITS):
            yield f'{place} has no statistic of the validation to watch'


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


class _Monitor(NamedTuple):
    """A metric that a hook decides by; ``rule`` is as given, ``hook`` all."""

    place: str
    key: str
    rule: str | None
    hook: dict


def _find_monitors(config: TrainingConfig) -> Iterator[_Monitor]:
    """Monitors of all hooks, one for each hook and metric."""
    for place, hook in config.hooks_of('CheckpointHook'):
        keys, rules = hook.get('save_best') or [], hook.get('rule')
        keys = [keys] if isinstance(keys, str) else list(keys)
        if rules is None or isinstance(rules, str):
            rules = [rules] * len(keys)
        for key, rule in zip(keys, rules):
            if key != 'auto':
                yield _Monitor(place, key, rule, hook)
    for kind in ('EarlyStoppingHook', 'TrainGapHook', 'ValidationTrendHook'):
        yield from _monitors_of(config, kind)


def _monitors_of(config: TrainingConfig, kind: str) -> Iterator[_Monitor]:
    """Monitors of the hooks with an argument ``monitor`` of a class."""
    for place, hook in config.hooks_of(kind):
        key = hook.get('monitor')
        if isinstance(key, str):
            yield _Monitor(place, key, hook.get('rule'), hook)


def _unknown(kind: type, given: list[str]) -> list[str]:
    """Arguments that neither the class nor a base class has."""
    names: list[str] = []
    for base in kind.__mro__:
        if '__init__' not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        names += [p.name for p in parameters]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return [key for key in given if key not in names]
    # whatever it passes on goes somewhere else, or there is no __init__
    return [] if names else given
