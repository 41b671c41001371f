# Copyright (c) cape_mm contributors. All rights reserved.
"""What checkpoints hold, which of them are kept, and which are refused."""

from __future__ import annotations

import os
from collections import deque

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner import runner as mmengine_runner
from torch import nn

from cape_mm.engine.checkpoint_loading import refuse_nonfinite_weights
from cape_mm.engine.checkpoints import (
    from_plain,
    to_plain,
    whole_file,
    write_checkpoint,
)
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.registry import HOOKS

# tensors by name, plain already; rebuilt dicts would lose their `_metadata`
_TENSOR_ENTRIES = ('state_dict', 'ema_state_dict')
_FORMAT_KEY = 'plain_format'
# dtype and shape of the arrays that dataset_meta has as lists
_ARRAYS_KEY = 'dataset_meta_arrays'
# entries of the message hub
_REPLACED = 'replaced_best_ckpts'
_VALIDATED = 'last_validation'


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
        meta = checkpoint['meta']
        arrays = {
            key: value
            for key, value in (meta.get('dataset_meta') or {}).items()
            if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf'
        }
        if arrays:
            # MMPose's inferencers take lists, and load them as they are
            lists = {key: value.tolist() for key, value in arrays.items()}
            checkpoint['meta'] = dict(
                meta, dataset_meta=dict(meta['dataset_meta'], **lists)
            )
            checkpoint['meta'][_ARRAYS_KEY] = {
                key: (value.dtype.name, value.shape)
                for key, value in arrays.items()
            }
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
        meta = checkpoint['meta']
        for key, (dtype, shape) in meta.pop(_ARRAYS_KEY, {}).items():
            array = np.array(meta['dataset_meta'][key], dtype).reshape(shape)
            meta['dataset_meta'][key] = array


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
    complete; only then older ones are deleted. So a kill or a full disk loses
    nothing, and what a kill left to delete is deleted by the resume.

    The checkpoint of an epoch is written before its validation. If a kill
    comes between, or the score was no new best one so that the file was not
    written again, a resume runs that validation before it goes on. The best
    checkpoint, early stopping and the log are then those of a training that
    was never interrupted, iteration-based or not. Checkpoints that were
    written without this hook resume as they do in MMEngine.

    Takes the arguments of :class:`CheckpointHook`.
    """

    rule_map = dict(
        greater=lambda score, best: score >= best,
        less=lambda score, best: score <= best,
    )

    def before_train(self, runner: Runner) -> None:
        """Do what a kill left undone: deletions, and a validation."""
        super().before_train(runner)
        self._remove_replaced(runner)
        hub, loop = runner.message_hub, runner.train_loop
        done = hub.runtime_info.get(_VALIDATED, runner.iter)
        hub.update_info(_VALIDATED, done)
        if done == runner.iter or runner.val_loop is None:
            return
        is_by_epoch = isinstance(loop, EpochBasedTrainLoop)
        now, end = runner.iter, runner.max_iters
        if is_by_epoch:
            now, end = runner.epoch, runner.max_epochs
        loop._decide_current_val_interval()
        is_due = now % loop.val_interval == 0 or now == end
        if is_due and now >= loop.val_begin:
            runner.logger.info('The checkpoint lacks its validation: run now')
            self.last_ckpt = hub.get_info('last_ckpt')
            # as they are after an epoch or iteration
            hub.update_info('epoch', runner.epoch - is_by_epoch)
            hub.update_info('iter', runner.iter - 1)
            runner.val_loop.run()

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Note that the validation is done, and keep the best."""
        runner.message_hub.update_info(_VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Write the new best checkpoint, then delete the old one."""
        old, self.best_ckpt_path = getattr(self, 'best_ckpt_path', None), None
        table = getattr(self, 'best_ckpt_path_dict', None) or {}
        old_table = dict(table)
        table.update(dict.fromkeys(table))
        replaced = {old, *old_table.values()} - {None}
        runner.message_hub.update_info(_REPLACED, sorted(replaced))
        super()._save_best_checkpoint(runner, metrics)
        self.best_ckpt_path = self.best_ckpt_path or old
        table.update({key: table[key] or old_table[key] for key in table})
        self._remove_replaced(runner)

    def _remove_replaced(self, runner: Runner) -> None:
        """Delete what was best before the last validation and is no more."""
        table = getattr(self, 'best_ckpt_path_dict', None) or {}
        kept = {getattr(self, 'best_ckpt_path', None), *table.values()}
        for path in runner.message_hub.runtime_info.get(_REPLACED, ()):
            if path not in kept and self._remove(path):
                runner.logger.info(f'Removed the previous best {path}')

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict
    ) -> None:
        """Write a checkpoint, then name it the last, then delete old ones."""
        hub, name = runner.message_hub, self.filename_tmpl.format(step)
        limit = max(self.max_keep_ckpts, 0)
        # with those that are to be deleted: after a kill, a resume does that
        steps = list(self.keep_ckpt_ids) if limit else []
        steps += [step] * (steps[-1:] != [step])
        if limit:
            hub.update_info('keep_ckpt_ids', steps)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = os.path.join(runner.work_dir, 'last_checkpoint')
            with whole_file(pointer) as file:
                file.write(self.last_ckpt.encode())
        if limit:
            for old in steps[:-limit]:
                name = self.filename_tmpl.format(old)
                self._remove(self.file_backend.join_path(self.out_dir, name))
            self.keep_ckpt_ids = deque(steps[-limit:], limit)
            hub.update_info('keep_ckpt_ids', steps[-limit:])

    def _remove(self, path: str) -> bool:
        """Delete a checkpoint, if it is there."""
        if not is_main_process() or not self.file_backend.exists(path):
            return False
        if self.file_backend.isdir(path):  # as DeepSpeed writes
            self.file_backend.rmtree(path)
        else:
            self.file_backend.remove(path)
        return True


def _write_whole(
    checkpoint: dict,
    filename: str,
    file_client_args: dict | None = None,
    backend_args: dict | None = None,
) -> None:
    """Replacement of MMEngine's ``save_checkpoint`` for local files."""
    if '://' in filename or file_client_args or backend_args:
        _save_elsewhere(checkpoint, filename, file_client_args, backend_args)
        return
    write_checkpoint(checkpoint, filename)


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
