# Copyright (c) cape_mm contributors. All rights reserved.
"""What a resumed run must not forget or change."""

from __future__ import annotations

from math import inf
from typing import Any

from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.runner import Runner

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class ResumeCheckHook(Hook):
    """Warn if a resumed run does not go on as the one of the checkpoint.

    - Episodes are drawn from other data: ``drawn_from`` in the dataset's
      ``metainfo`` differs from that in the checkpoint.
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
        found = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
        dataset = runner.train_dataloader.dataset
        expected = getattr(dataset, 'metainfo', None) or {}
        if 'drawn_from' in found and 'drawn_from' in expected:
            before, now = found['drawn_from'], expected['drawn_from']
            text = '; '.join(
                f'{key} {_shorten(before.get(key))} there, '
                f'{_shorten(now.get(key))} here'
                for key in {**before, **now}
                if before.get(key) != now.get(key)
            )
            if text:
                runner.logger.warning(
                    f'The resumed checkpoint was trained on other data: '
                    f'{text}. Its epochs and schedule go on with the new '
                    'data. To start anew, choose another working directory; '
                    'to fine-tune, set load_from without --resume'
                )
        if 'optimizer' not in checkpoint:
            runner.logger.warning(
                'The resumed checkpoint holds no state of the optimizer, '
                'which begins anew: best_*.pth never do, epoch_*.pth do'
            )


def _shorten(value: Any) -> str:
    """A value in words, of a long list the beginning."""
    if isinstance(value, list) and len(value) > 10:
        return f'[{", ".join(map(str, value[:10]))}, ... {len(value)} in all]'
    return 'none' if value is None else str(value)


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
