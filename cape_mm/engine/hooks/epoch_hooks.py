# Copyright (c) cape_mm contributors. All rights reserved.
"""Epochs that do not depend on what was before them."""

from __future__ import annotations

import numpy as np
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner, set_random_seed
from torch import nn

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class AccumulationFlushHook(Hook):
    """Let gradient accumulation end with the epoch.

    MMEngine counts ``accumulative_counts`` through the whole training: what
    is left over at the end of an epoch is applied in the next one, so that
    validation, checkpoints and a resumed run see a model that lacks it, and
    is lost if training stops early. With this hook every epoch counts anew.
    Its last, smaller group of iterations is applied at its end, averaged over
    its own number of iterations: the same as one big batch of what was left.

    Without accumulation, and in iteration-based training, it does nothing.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Count from 0 to the number of iterations of the epoch."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        # The model only serves a warning about batch norm, which the runner
        # has given at the start of training already.
        runner.optim_wrapper.initialize_count_status(
            nn.Identity(), 0, len(runner.train_dataloader)
        )


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
        seed = np.random.SeedSequence(entropy).generate_state(1)[0]
        set_random_seed(int(seed))
