# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether hooks exist and take what they are given."""

from __future__ import annotations

import inspect
from typing import Iterator

from mmengine.registry import HOOKS

from ..recipe import Recipe, find_class
from ..recipe_data import RecipeData
from ..rule import ERROR, rule

#: Keys that MMEngine takes out before it builds a hook.
_RUNNER_KEYS = ('type', 'priority', '_scope_')


@rule(
    'hook-arguments',
    ERROR,
    "Correct the hook's type or arguments; removing the hook instead leaves "
    'the training without it.',
)
def hook_arguments(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Every hook can be built with its arguments."""
    for place, hook in recipe.hooks():
        kind = find_class(HOOKS, hook)
        if kind is None:
            yield f'{place}: there is no hook {hook.get("type")!r}'
            continue
        given = {k: v for k, v in hook.items() if k not in _RUNNER_KEYS}
        name = kind.__name__
        unknown = _unknown(kind, given)
        if unknown:
            yield f'{place}: {name} takes no {", ".join(unknown)}'
        missing = [key for key in _required(kind) if key not in given]
        if missing:
            yield f'{place}: {name} needs {", ".join(missing)}'


def _unknown(kind: type, given: dict) -> list[str]:
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
    return [] if names else list(given)


def _required(kind: type) -> list[str]:
    parameters = list(inspect.signature(kind).parameters.values())
    return [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
