# Copyright (c) cape_mm contributors. All rights reserved.
"""What checkpoints hold, which of them are kept, and which are refused."""

from __future__ import annotations

from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

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


@HOOKS.register_module()
class LatestBestCheckpointHook(CheckpointHook):
    """Of checkpoints with the same best score, keep the latest.

    MMEngine keeps the first. PCK saturates: a model that memorises reaches
    100 % while its points are still visibly off, and goes on to improve.

    Takes the arguments of :class:`CheckpointHook`.
    """

    rule_map = dict(
        greater=lambda score, best: score >= best,
        less=lambda score, best: score <= best,
    )


def _renamed(weights: dict, model: nn.Module) -> dict:
    """Weights with their present keys, which modules know when they load."""
    weights = dict(weights)
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(weights, prefix, {}, True, [], [], [])
    return weights
