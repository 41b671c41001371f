# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.engine.checkpoints import from_plain, to_plain
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
