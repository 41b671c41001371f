# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Iterator, NamedTuple

from mmengine.hooks import CheckpointHook, EarlyStoppingHook

from cape_mm.engine.hooks import TrainGapHook, ValidationTrendHook

from .recipe import Recipe


class Monitor(NamedTuple):
    """A metric that a hook watches.

    Attributes:
        place (str): The hook's place in the config.
        key (str): Name of the metric.
        rule (str | None): ``'greater'`` or ``'less'``, as given.
        hook (dict): The hook's config.
        kind (type): ``CheckpointHook``, ``EarlyStoppingHook``,
            ``TrainGapHook`` or ``ValidationTrendHook``.
    """

    place: str
    key: str
    rule: str | None
    hook: dict
    kind: type


def find_monitors(recipe: Recipe) -> Iterator[Monitor]:
    """Yield every metric that a hook decides by.

    Args:
        recipe (Recipe): The config.

    Yields:
        Monitor: One for each hook and metric.
    """
    for place, hook in recipe.hooks_of(CheckpointHook):
        keys, rules = hook.get('save_best') or [], hook.get('rule')
        keys = [keys] if isinstance(keys, str) else list(keys)
        if rules is None or isinstance(rules, str):
            rules = [rules] * len(keys)
        for key, rule in zip(keys, rules):
            if key != 'auto':
                yield Monitor(place, key, rule, hook, CheckpointHook)
    for kind in (EarlyStoppingHook, TrainGapHook, ValidationTrendHook):
        for place, hook in recipe.hooks_of(kind):
            key = hook.get('monitor')
            if isinstance(key, str):
                yield Monitor(place, key, hook.get('rule'), hook, kind)
