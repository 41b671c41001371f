# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os.path as osp

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class PairListHook(Hook):
    """Tie results to the list of pairs that they were measured on.

    With a :class:`PairListEpisodeDataset` the list is described in the log,
    with its hash, before the first validation and before the test; the
    metrics of the test get an entry ``pair_list`` with the hash and what is
    missing, and the list is saved as ``pair_list.json`` beside the log. Other
    datasets are left alone.
    """

    # before LoggerHook, so that the log has it before the results
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._has_logged = False

    def before_val_epoch(self, runner: Runner) -> None:
        """Log the list of the validation, once."""
        dataset = runner.val_dataloader.dataset
        if not self._has_logged and _has_list(dataset):
            runner.logger.info(f'Validation data\n{dataset.describe()}')
        self._has_logged = True

    def before_test_epoch(self, runner: Runner) -> None:
        """Log and save the list of the test."""
        dataset = runner.test_dataloader.dataset
        if not _has_list(dataset):
            return
        runner.logger.info(f'Test data\n{dataset.describe()}')
        if is_main_process():
            dataset.pair_list.save(osp.join(runner.log_dir, 'pair_list.json'))

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Store with the metrics what they were measured on."""
        dataset = runner.test_dataloader.dataset
        if metrics is not None and _has_list(dataset):
            metrics['pair_list'] = dict(dataset.metainfo['pair_list'])


def _has_list(dataset: object) -> bool:
    return hasattr(dataset, 'pair_list')
