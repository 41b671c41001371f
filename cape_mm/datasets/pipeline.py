# Copyright (c) cape_mm contributors. All rights reserved.
"""What pipelines of episodes and of clips share."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
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


def get_generator(
    results: dict, transform: str, key: str = 'rng'
) -> np.random.Generator:
    """Take the random generator of a sample from the results.

    Args:
        results (dict): Results of the pipeline so far.
        transform (str): Name of the transform, for the error.
        key (str): ``'rng'``, whose state goes on from image to image, or
            ``'episode_rng'``, which is equal for all members of an episode.

    Returns:
        np.random.Generator: The generator.

    Raises:
        KeyError: If there is none.
    """
    if key not in results:
        raise KeyError(
            f"{transform} draws from results['{key}'], which is missing: use "
            'it in the pipeline of one of the datasets of episodes or clips '
            'of cape_mm, or set a np.random.Generator before'
        )
    return results[key]
