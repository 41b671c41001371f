# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any, Iterator

from mmengine.hooks import Hook
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
        wanted = getattr(dataset, 'metainfo', None) or {}
        if 'drawn_from' in found and 'drawn_from' in wanted:
            changes = _changes(found['drawn_from'], wanted['drawn_from'])
            text = '; '.join(changes)
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


def _changes(before: dict, now: dict) -> Iterator[str]:
    """What differs, in words."""
    for key in {**before, **now}:
        one, other = before.get(key), now.get(key)
        if one != other:
            yield f'{key} {_shorten(one)} there, {_shorten(other)} here'


def _shorten(value: Any) -> str:
    if isinstance(value, list) and len(value) > 10:
        return f'[{", ".join(map(str, value[:10]))}, ... {len(value)} in all]'
    return 'none' if value is None else str(value)
