# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import CheckpointHook

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class LatestBestCheckpointHook(CheckpointHook):
    """Of checkpoints with the same best score, keep the latest.

    MMEngine keeps the first. PCK saturates: a model that memorises reaches
    100 % while its points are still visibly off, and goes on to improve.

    Args:
        *args: See :class:`CheckpointHook`.
        **kwargs: See :class:`CheckpointHook`.
    """

    rule_map = dict(
        greater=lambda score, best: score >= best,
        less=lambda score, best: score <= best,
    )
