# Copyright (c) cape_mm contributors. All rights reserved.
"""What checkpoints hold, which of them are kept, and which are refused."""

from __future__ import annotations

import os

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner import runner as mmengine_runner
from torch import nn

from cape_mm.engine.checkpoint_loading import refuse_nonfinite_weights
from cape_mm.engine.checkpoints import from_plain, to_plain
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.registry import HOOKS

# tensors by name, plain already; rebuilt dicts would lose their `_metadata`
_TENSOR_ENTRIES = ('state_dict', 'ema_state_dict')
_FORMAT_KEY = 'plain_format'


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Write checkpoints that ``torch.load(weights_only=True)`` reads.

    MMEngine stores objects such as ``HistoryBuffer`` and NumPy arrays, which
    can only be read by unpickling, that is by running code from the file.
    This hook replaces them in the checkpoint, not in the running objects, by
    plain containers and tensors. :class:`RestorePlainCheckpointHook` turns
    them back.

    An entry that has no plain form is left out and reported once.

    The priority is the lowest one, so that whatever other hooks add to the
    checkpoint is converted, too.
    """

    priority = 'LOWEST'

    def __init__(self) -> None:
        self._reported: set[str] = set()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace all entries but the weights by their plain form."""
        dropped = []
        for key in checkpoint:
            if key not in _TENSOR_ENTRIES:
                checkpoint[key] = to_plain(checkpoint[key], dropped, key)
        checkpoint['meta'][_FORMAT_KEY] = 1
        new = [entry for entry in dropped if entry not in self._reported]
        if new:
            self._reported.update(new)
            runner.logger.warning(
                'Left out of the checkpoints, since only tensors, numbers, '
                f'strings, lists and dicts are stored: {", ".join(new)}'
            )


@HOOKS.register_module()
class RestorePlainCheckpointHook(Hook):
    """Turn what :class:`PlainCheckpointHook` wrote back on loading.

    The priority is the highest one: other hooks, and the runner when it
    resumes, see what MMEngine would have stored. Checkpoints of other origin
    are left as they are.
    """

    priority = 'HIGHEST'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace plain forms by the objects they stand for."""
        if _FORMAT_KEY not in (checkpoint.get('meta') or {}):
            return
        for key in checkpoint:
            if key not in _TENSOR_ENTRIES:
                checkpoint[key] = from_plain(checkpoint[key])


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Refuse a checkpoint that does not hold all weights of the model.

    MMEngine only warns, and a test would then judge random weights.
    ``tools/test.py`` uses this hook; training does not, because a fine-tuning
    may well start from parts.

    Raises:
        UnsuitableCheckpointError: If a weight is missing or of another
            shape.
    """

    # after EMAHook, which puts averaged weights in place
    priority = 'LOWEST'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the weights with those of the model."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        given = _renamed(checkpoint.get('state_dict', checkpoint), model)
        misfits = [
            f'{key} {tuple(value.shape)}'
            for key, value in model.state_dict().items()
            if key not in given or given[key].shape != value.shape
        ]
        if misfits:
            raise UnsuitableCheckpointError(
                f'{len(misfits)} weights of the model are missing in '
                f"'{runner._load_from}' or have another shape there, e.g. "
                f'{", ".join(misfits[:3])}: it belongs to another config'
            )
        refuse_nonfinite_weights(given, runner._load_from)


@HOOKS.register_module()
class LatestBestCheckpointHook(CheckpointHook):
    """Of checkpoints with the same best score, keep the latest.

    MMEngine keeps the first. PCK saturates: a model that memorises reaches
    100 % while its points are still visibly off, and goes on to improve.

    A checkpoint is written under a temporary name and renamed when it is
    complete; only then the previous best one is deleted. So a kill or a full
    disk loses nothing.

    Takes the arguments of :class:`CheckpointHook`.
    """

    rule_map = dict(
        greater=lambda score, best: score >= best,
        less=lambda score, best: score <= best,
    )

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Write the new best checkpoint, then delete the old one."""
        old, self.best_ckpt_path = getattr(self, 'best_ckpt_path', None), None
        table = getattr(self, 'best_ckpt_path_dict', None) or {}
        old_table = dict(table)
        table.update(dict.fromkeys(table))
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            new, new_table = self.best_ckpt_path, dict(table)
            self.best_ckpt_path = new or old
            table.update({k: new_table[k] or old_table[k] for k in table})
        kept = {self.best_ckpt_path, *table.values()}
        for path in {old, *old_table.values()} - kept - {None}:
            if is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)
                runner.logger.info(f'Removed the previous best {path}')


def _write_whole(
    checkpoint: dict,
    filename: str,
    file_client_args: dict | None = None,
    backend_args: dict | None = None,
) -> None:
    """Write a checkpoint so that its final name never holds a part of it.

    Replacement of MMEngine's ``save_checkpoint`` for local files.
    """
    if '://' in filename or file_client_args or backend_args:
        _save_elsewhere(checkpoint, filename, file_client_args, backend_args)
        return
    os.makedirs(os.path.dirname(filename) or '.', exist_ok=True)
    temporary = f'{filename}.{os.getpid()}.tmp'
    try:
        with open(temporary, 'wb') as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, filename)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


_save_elsewhere = mmengine_runner.save_checkpoint
mmengine_runner.save_checkpoint = _write_whole


@HOOKS.register_module()
class FittingCheckpointHook(Hook):
    """Refuse a checkpoint to begin or go on with that is of another model.

    MMEngine only warns, and a training would begin from random weights.
    ``tools/train.py`` uses this hook.

    Raises:
        UnsuitableCheckpointError: If fewer than half of the weights of the
            model are in it with their shapes; all must be to resume.
    """

    priority = 'LOWEST'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Count the weights that fit."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        given = _renamed(checkpoint.get('state_dict', checkpoint), model)
        own = model.state_dict()
        fitting = [
            key
            for key, value in own.items()
            if key in given and getattr(given[key], 'shape', 0) == value.shape
        ]
        needed = len(own) if runner._resume else len(own) / 2
        if len(fitting) < needed:
            misfit = next(key for key in own if key not in {*fitting})
            found = given.get(misfit)
            what = 'missing' if found is None else tuple(found.shape)
            raise UnsuitableCheckpointError(
                f'{len(fitting)} of the {len(own)} weights of the model are '
                f"in '{runner._load_from}' with their shapes, e.g. {misfit} "
                f'{tuple(own[misfit].shape)} is {what} there: it belongs to '
                'another family, architecture or number of classes'
            )


def _renamed(weights: dict, model: nn.Module) -> dict:
    """Weights with their present keys, which modules know when they load."""
    weights = dict(weights)
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(weights, prefix, {}, True, [], [], [])
    return weights
