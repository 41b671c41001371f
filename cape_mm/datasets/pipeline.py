# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Callable, Sequence

from mmengine.registry import DefaultScope
from mmpose.registry import TRANSFORMS


def build_transforms(
    pipeline: Sequence[dict | Callable],
) -> list[Callable]:
    """Build the transforms of a pipeline, whatever the default scope.

    Bare names mean MMPose's transforms, ours are called ``cape_mm.X``. That
    holds in a plain script, too, where no default scope was set.

    Args:
        pipeline (Sequence[dict | Callable]): Configs or built transforms.

    Returns:
        List[Callable]: Built transforms, ready for MMEngine's ``Compose``.
    """
    with DefaultScope.overwrite_default_scope('mmpose'):
        return [
            TRANSFORMS.build(step) if isinstance(step, dict) else step
            for step in pipeline
        ]
