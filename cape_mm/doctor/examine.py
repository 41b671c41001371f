# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Iterable, Iterator

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from . import rules  # noqa: F401
from .recipe import Recipe
from .recipe_data import RecipeData
from .rule import ERROR, RULES, WARNING, Finding
from .wording import brief


def examine(cfg: Config, ignore: Iterable[str] = ()) -> list[Finding]:
    """Look for mistakes in a recipe and its data before it is run.

    Datasets, metrics and the model are built on the CPU, the model without
    memory for its weights. Nothing is fetched and nothing is trained; embedded
    data that are missing are drawn.

    Args:
        cfg (Config): Whole config of a training. Is not changed.
        ignore (Iterable[str]): Names of rules that are left out.

    Returns:
        List[Finding]: Errors first, otherwise in the order of the rules.

    Raises:
        KeyError: If there is no rule of a name to be ignored.
    """
    unknown = sorted(set(ignore) - set(RULES))
    if unknown:
        raise KeyError(f'there is no rule {", ".join(unknown)}')
    recipe = Recipe(cfg)
    data = RecipeData(recipe)
    findings: list[Finding] = []
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope), _quiet():
        for name, rule in RULES.items():
            if name in ignore:
                continue
            try:
                findings += rule.apply(recipe, data)
            except Exception as error:
                # a config can be wrong in any way; the others still help
                findings.append(
                    Finding(
                        name,
                        WARNING,
                        f'could not be checked: {brief(error)}',
                        'Look at what the other rules say first.',
                    )
                )
    return sorted(findings, key=lambda finding: finding.severity != ERROR)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what datasets and metrics print, log and warn of away."""
    MMLogger.get_instance('doctor', log_level='CRITICAL')
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(level)
        MMLogger._instance_dict.pop('doctor', None)
