# Copyright (c) cape_mm contributors. All rights reserved.
"""What a resumed run must not forget or change."""

from __future__ import annotations

from contextlib import suppress
from math import inf
from typing import Any, Iterator

from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.runner import Runner

from cape_mm.engine.checkpoints import read_literals
from cape_mm.errors import shorten
from cape_mm.registry import HOOKS

# what the course of a training depends on
_COMPARED = (
    *('model', 'train_dataloader', 'val_dataloader', 'val_evaluator'),
    *('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr'),
    'randomness',
)
_WITHOUT_EFFECT = (
    *('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor'),
    *('init_cfg', 'checkpoint', 'pretrained'),
)
_MAX_LINES = 8


@HOOKS.register_module()
class ResumeCheckHook(Hook):
    """Warn if a resumed run does not go on as the one of the checkpoint.

    - Episodes are drawn from other data: ``drawn_from`` in the dataset's
      ``metainfo`` differs from that in the checkpoint.
    - The config has other settings of model, datasets, batch size, optimizer,
      schedule or seed than the one in the checkpoint, which is read as data.
    - The checkpoint holds no state of the optimizer, as ``best_*.pth``.

    Training goes on. A checkpoint that is loaded without being resumed may
    come from anywhere.
    """

    # after RestorePlainCheckpointHook
    priority = 'NORMAL'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with this run."""
        if not runner._resume:
            return
        meta = checkpoint.get('meta') or {}
        found = (meta.get('dataset_meta') or {}).get('drawn_from')
        dataset = runner.train_dataloader.dataset
        present = (getattr(dataset, 'metainfo', None) or {}).get('drawn_from')
        parts = []
        if found is not None and present is not None:
            parts.append(('on other data', [*_differences(found, present)]))
        if isinstance(meta.get('cfg'), str):
            texts = (meta['cfg'], runner.cfg.pretty_text)
            with suppress(ValueError):  # settings that are more than data
                configs = [
                    {key: config.get(key) for key in _COMPARED}
                    for config in map(read_literals, texts)
                ]
                parts.append(
                    ('with another config', [*_differences(*configs)])
                )
        texts = [
            f'{what}: {"; ".join(lines[:_MAX_LINES])}'
            + f'; and {len(lines) - _MAX_LINES} more'
            * (len(lines) > _MAX_LINES)
            for what, lines in parts
            if lines
        ]
        if texts:
            runner.logger.warning(
                f'The resumed checkpoint was trained {", and ".join(texts)}. '
                'Its epochs, optimizer and schedule go on as they are stored. '
                'To start anew, choose another working directory; to '
                'fine-tune, set load_from without --resume'
            )
        if 'optimizer' not in checkpoint:
            runner.logger.warning(
                'The resumed checkpoint holds no state of the optimizer, '
                'which begins anew: best_*.pth never do, epoch_*.pth do'
            )


def _differences(there: Any, here: Any, place: str = '') -> Iterator[str]:
    """Settings that differ, each in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in {**there, **here}:
            if key not in _WITHOUT_EFFECT:
                inner = f'{place}.{key}' if place else str(key)
                yield from _differences(there.get(key), here.get(key), inner)
    elif _is_list_of_dicts(there, here):
        for index, pair in enumerate(zip(there, here)):
            yield from _differences(*pair, f'{place}.{index}')
    elif there != here:
        yield f'{place} {_shorten(there)} there, {_shorten(here)} here'


def _is_list_of_dicts(*values: Any) -> bool:
    """Whether all are lists of equally many dicts."""
    return (
        all(isinstance(value, (list, tuple)) for value in values)
        and len({len(value) for value in values}) == 1
        and all(isinstance(item, dict) for value in values for item in value)
    )


def _shorten(value: Any) -> str:
    """A value in words, of a long one the beginning."""
    if isinstance(value, list) and len(value) > 10:
        return f'[{", ".join(map(str, value[:10]))}, ... {len(value)} in all]'
    return 'none' if value is None else shorten(value)


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """Early stopping whose patience survives a resume.

    MMEngine's hook forgets the best score and begins to wait anew. This one
    goes through the validations that the checkpoint remembers first.
    :class:`LatestBestCheckpointHook` runs the one that it lacks.

    A run that had stopped stops again at once, unless ``patience`` or
    ``min_delta`` have been changed.

    Takes the arguments of :class:`EarlyStoppingHook`: ``rule`` is needed for
    most metrics, and ``min_delta`` is 0.1 by default.
    """

    def before_train(self, runner: Runner) -> None:
        """Repeat the decisions of the validations so far."""
        # of which LatestBestCheckpointHook may have run the last one just now
        self.wait_count = 0
        self.best_score = -inf if self.rule == 'greater' else inf
        history = runner.message_hub.log_scalars.get(f'val/{self.monitor}')
        if history is None:
            return
        for number, score in enumerate(history.data[0], start=1):
            stop, reason = self._check_stop_condition(float(score))
            if stop:
                runner.logger.warning(
                    f'Early stopping: already decided at validation {number} '
                    f'before the resume: {reason}'
                )
                runner.train_loop.stop_training = True
                return
