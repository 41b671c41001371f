# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from copy import deepcopy
from math import inf

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.amp import autocast

from cape_mm.registry import HOOKS

_STREAK = 'train_gap_streak'


@HOOKS.register_module()
class TrainGapHook(Hook):
    """Measure the training data as the validation data are measured.

    After each validation the model, in evaluation mode, is tested on a fixed
    part of the training data. A metric ``M`` gives ``train_M`` and ``gap_M``
    = validation minus training in the log, and a line that says how many
    times worse validation is. If that stays above ``max_ratio``, the model
    learns its training data by heart.

    It costs a validation on that part, so a few dozen images are enough.
    How often in a row the limit was passed is part of the checkpoint.

    Args:
        monitor (str): Key of the metric; must be positive.
        rule (str): ``'greater'`` or ``'less'`` is better.
        dataloader (str | dict): Loader of training data, with the pipeline of
            validation, ``test_mode=True`` and, say, ``indices=60``; or the
            name of a variable of the config. Defaults to
            ``'train_gap_dataloader'``.
        evaluator (str | dict | list[dict]): Metrics, or the name of a
            variable of the config. Defaults to ``'val_evaluator'``. Metrics
            that write files would overwrite those of the validation.
        max_ratio (float): Largest ratio of validation to training error.
            Defaults to 1.5.
        consecutive (int): Validations in a row above the limit that make a
            warning. Defaults to 2.

    Raises:
        ValueError: If ``rule`` is neither of the two.
        KeyError: If the config has no such variable, or the metrics lack
            ``monitor``.
    """

    # before EMAHook takes the averaged weights away
    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        monitor: str,
        rule: str,
        dataloader: str | dict = 'train_gap_dataloader',
        evaluator: str | dict | list[dict] = 'val_evaluator',
        max_ratio: float = 1.5,
        consecutive: int = 2,
    ) -> None:
        if rule not in ('greater', 'less'):
            raise ValueError(f"rule is 'greater' or 'less', not {rule!r}")
        self.monitor = monitor
        self.rule = rule
        self.max_ratio = max_ratio
        self.consecutive = consecutive
        self._given = (dataloader, evaluator)
        self._dataloader = None
        self._evaluator = None
        self._streak = 0

    def before_train(self, runner: Runner) -> None:
        """Build data and metrics, so that mistakes show at once."""
        self._streak = runner.message_hub.runtime_info.get(_STREAK, 0)
        dataloader, evaluator = (_from_config(runner, g) for g in self._given)
        self._dataloader = runner.build_dataloader(dataloader)
        self._evaluator = runner.build_evaluator(evaluator)
        dataset = self._dataloader.dataset
        self._evaluator.dataset_meta = getattr(dataset, 'metainfo', None)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Evaluate the training data and compare."""
        if self._dataloader is None:  # a validation without training
            return
        count = len(self._dataloader.dataset)
        runner.logger.info(
            f'{type(self).__name__}: the next metrics are those of {count} '
            'samples of the training data'
        )
        train = self._evaluate(runner)
        for values in (metrics or {}, train):
            if self.monitor not in values:
                raise KeyError(
                    f'{type(self).__name__} is to compare {self.monitor!r}, '
                    f'which is not among the metrics {", ".join(values)}'
                )
        on_val, on_train = metrics[self.monitor], train[self.monitor]
        hub = runner.message_hub
        hub.update_scalar(f'val/train_{self.monitor}', on_train)
        hub.update_scalar(f'val/gap_{self.monitor}', on_val - on_train)
        bad, good = on_val, on_train
        if self.rule == 'greater':
            bad, good = good, bad
        ratio = float(bad / good) if good else (inf if bad else 1.0)
        self._streak = self._streak + 1 if ratio > self.max_ratio else 0
        hub.update_info(_STREAK, self._streak)
        text = (
            f'{self.monitor}: {on_train:.4g} on {count} samples of the '
            f'training data, {on_val:.4g} in validation, {ratio:.2f} times as '
            'bad'
        )
        if self._streak < self.consecutive:
            runner.logger.info(text)
        else:
            runner.logger.warning(
                f'{text}; above {self.max_ratio:g} in {self._streak} '
                'validations in a row: the training data are learnt by heart'
            )

    @torch.no_grad()
    def _evaluate(self, runner: Runner) -> dict[str, float]:
        """Metrics of the training data."""
        runner.model.eval()
        fp16 = getattr(runner.val_loop, 'fp16', False)
        for batch in self._dataloader:
            with autocast(enabled=fp16):
                outputs = runner.model.val_step(batch)
            self._evaluator.process(outputs, batch)
        return self._evaluator.evaluate(len(self._dataloader.dataset))


def _from_config(
    runner: Runner, given: str | dict | list[dict]
) -> dict | list[dict]:
    """A copy of a config, given as such or as the name of a variable."""
    if not isinstance(given, str):
        return deepcopy(given)
    if given not in runner.cfg:
        raise KeyError(
            f'TrainGapHook needs {given!r}, which the config does not have'
        )
    return deepcopy(runner.cfg[given])
