# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Make the random numbers of an epoch depend on (seed, rank, epoch) only.

    Python's, NumPy's and PyTorch's generators (CPU and all devices) are seeded
    before each training epoch. A run that is resumed at an epoch boundary then
    draws the same numbers as one that was never interrupted, on every rank,
    and validation does not change what training draws.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed all generators."""
        entropy = [runner.seed, get_rank(), runner.epoch]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
