# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter
from typing import Sequence

from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner

from cape_mm.registry import HOOKS

from .epoch_hooks import AccumulationFlushHook


@HOOKS.register_module()
class EpisodeSummaryHook(Hook):
    """Log the data, the batch sizes, and the result of a training.

    At the start of a test: the dataset's own description. At the start of
    training: that description, the episodes and iterations per epoch, the
    physical and the effective batch size, the fate of the iterations that
    gradient accumulation leaves over, and the expected result. After each
    validation and test: one line with the PCK and how it was measured. After
    each epoch: the number of members of episodes that could not be used and
    were replaced.

    Args:
        expectation (str, optional): Expected result, such as 'PCK 1.0 within
            20 epochs'.
        val_note (str, optional): Protocol of validation and test, such as
            'same image, autoregressive'.
    """

    # after LoggerHook, before CheckpointHook
    priority = 'LOW'

    def __init__(
        self, expectation: str | None = None, val_note: str | None = None
    ) -> None:
        self.expectation = expectation
        self.val_note = val_note
        self._replaced: Counter = Counter()

    def before_train(self, runner: Runner) -> None:
        """Log data, batch sizes and the expected result."""
        loader = runner.train_dataloader
        lines = [
            'Training data',
            _describe(loader.dataset),
            f'epoch: {len(loader.dataset)} episodes in {len(loader)} '
            'iterations',
            *_describe_batch(runner),
        ]
        if self.expectation:
            lines.append(f'expected: {self.expectation}')
        runner.logger.info('\n'.join(lines))

    def before_test(self, runner: Runner) -> None:
        """Log what is tested."""
        dataset = runner.test_loop.dataloader.dataset
        runner.logger.info(f'Test data\n{_describe(dataset)}')

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | dict | None = None,
        mode: str = 'train',
    ) -> None:
        """Count replaced members, in training, validation and test."""
        for sample in (data_batch or {}).get('data_samples', []):
            self._replaced.update(getattr(sample, 'replaced', None) or [])

    def after_train_epoch(self, runner: Runner) -> None:
        """Log how many members were replaced."""
        self._report(runner, 'training epoch')

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log the PCK and how many members were replaced."""
        self._report(runner, 'validation', 'Val', metrics)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Log the PCK and how many members were replaced."""
        self._report(runner, 'test', 'Test', metrics)

    def _report(
        self,
        runner: Runner,
        during: str,
        mode: str = '',
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Log PCK and replaced members of all processes; forget the latter."""
        if 'PCK' in (metrics or {}):
            note = f' ({self.val_note})' if self.val_note else ''
            value = 100 * float(metrics['PCK'])
            runner.logger.info(f'{mode} PCK@0.2: {value:.2f}%{note}')
        total: Counter = Counter()
        for part in all_gather_object(dict(self._replaced)):
            total.update(part)
        self._replaced.clear()
        if not total:
            return
        worst = ', '.join(f'{path} ({n}x)' for path, n in total.most_common(3))
        runner.logger.warning(
            f'{sum(total.values())} members of episodes of this {during} '
            f'could not be used and were replaced by others of their '
            f'category: {worst}{", ..." if len(total) > 3 else ""}'
        )


def _describe(dataset: object) -> str:
    """A dataset's own description, or its type."""
    if hasattr(dataset, 'describe'):
        return dataset.describe()
    return type(dataset).__name__


def _describe_batch(runner: Runner) -> list[str]:
    """Physical and effective batch size, and iterations left over."""
    loader = runner.train_dataloader
    steps = runner.cfg.get('optim_wrapper', {}).get('accumulative_counts', 1)
    world_size = get_world_size()
    physical = (loader.batch_size or 1) * world_size
    lines = [
        f'batch: {physical} physical, {physical * steps} effective '
        f'({loader.batch_size} per process x {world_size} process(es) x '
        f'{steps} accumulated iteration(s))'
    ]
    if steps == 1:
        return lines
    short = len(loader.sampler) % (loader.batch_size or 1)
    if short and not loader.drop_last:
        lines.append(
            f'last iteration of an epoch: {short} episode(s) per process, '
            'which weigh like a full batch'
        )
    left = len(loader) % steps
    if left:
        fate = (
            'kept for the next epoch (AccumulationFlushHook would make an '
            'update of them)'
        )
        if any(isinstance(h, AccumulationFlushHook) for h in runner.hooks):
            fate = 'one more update, averaged over them alone'
        lines.append(f'last {left} iteration(s) of an epoch: {fate}')
    return lines
