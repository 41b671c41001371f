# Copyright (c) cape_mm contributors. All rights reserved.
"""The doctor: all rules on a config and its data."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Iterable, Iterator

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

# isort: off
# fill CONFIG_RULES, in the order in which rules are applied and listed
from .data_rules import splits, annotations  # noqa: F401
from .config_rules import input_geometry, codec, model  # noqa: F401
from .config_rules import pretrained_weights, learning_rate  # noqa: F401
from .config_rules import metrics, hooks  # noqa: F401

# isort: on
from .rule import CONFIG_RULES, ERROR, Finding
from .training_config import TrainingConfig


def examine_config(cfg: Config, ignore: Iterable[str] = ()) -> list[Finding]:
    """Look for mistakes in a config and its data before it is run.

    Datasets, metrics and the model are built on the CPU, the model without
    memory for its weights. Nothing is fetched and nothing is trained;
    synthetic data that are missing are written.

    Args:
        cfg (Config): Whole config of a training. Is not changed.
        ignore (Iterable[str]): Names of rules that are left out.

    Returns:
        list[Finding]: Errors first, otherwise in the order of the rules.

    Raises:
        KeyError: If there is no rule of a name to be ignored.
    """
    subject = (TrainingConfig(cfg),)
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope), _quiet():
        findings = CONFIG_RULES.run(lambda rule: subject, ignore)
    return sorted(findings, key=lambda finding: finding.severity != ERROR)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what datasets and metrics print, log and warn of."""
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
