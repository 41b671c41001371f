# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.registry import HOOKS


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Refuse a checkpoint that does not hold all weights of the model.

    MMEngine only warns, and a test would then judge weights drawn at random.
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


def _renamed(weights: dict, model: nn.Module) -> dict:
    """Weights with their present keys, which modules know when they load."""
    weights = dict(weights)
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(weights, prefix, {}, True, [], [], [])
    return weights
