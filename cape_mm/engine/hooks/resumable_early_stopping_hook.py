# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import Runner

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """Early stopping whose patience survives a resume.

    MMEngine's hook forgets the best score and begins to wait anew. This one
    goes through the validations that the checkpoint remembers first. The
    checkpoint of an epoch is written before its validation: that one alone
    is missing.

    A run that had stopped stops again at once, unless ``patience`` or
    ``min_delta`` have been changed.

    Args:
        *args: See :class:`EarlyStoppingHook`. ``rule`` is needed for most
            metrics, and ``min_delta`` is 0.1 by default.
        **kwargs: See :class:`EarlyStoppingHook`.
    """

    def before_train(self, runner: Runner) -> None:
        """Repeat the decisions of the validations so far."""
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
