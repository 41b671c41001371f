# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from cape_mm.registry import HOOKS


@HOOKS.register_module()
class ScheduledSamplingHook(Hook):
    """Move an autoregressive head from teacher forcing to its own output.

    Before every iteration it sets two attributes of ``model.head``, which is
    an :class:`AutoregressiveKeypointHead`, as linear functions of the
    progress of training in [0, 1]:

    - ``own_prediction_share``: share of previous keypoints that are the
      decoder's own predictions (`arXiv 1506.03099
      <https://arxiv.org/abs/1506.03099>`_);
    - ``teacher_noise``: sigma of the noise on annotated keypoints.

    The progress follows from the iteration alone, so a resumed run continues
    where it stopped. Both values are logged as ``diag_own_share`` and
    ``diag_teacher_noise``.

    Args:
        share (tuple[float, float]): Share of own predictions, in [0, 1], at
            the start and at the end. Defaults to (0, 1).
        noise (tuple[float, float]): Sigma of the noise at the start and at
            the end, in units of the input's side. Defaults to (0.02, 0).
        period (tuple[float, float]): Progress, in [0, 1], at which the change
            begins and ends. Defaults to (0.1, 0.6).
    """

    def __init__(
        self,
        share: tuple[float, float] = (0.0, 1.0),
        noise: tuple[float, float] = (0.02, 0.0),
        period: tuple[float, float] = (0.1, 0.6),
    ) -> None:
        if not 0 <= period[0] < period[1] <= 1:
            raise ValueError(
                f'period must satisfy 0 <= begin < end <= 1, got {period}'
            )
        if min(share) < 0 or max(share) > 1:
            raise ValueError(f'share must lie in [0, 1], got {share}')
        if min(noise) < 0:
            raise ValueError(f'noise must not be negative, got {noise}')
        self.share = share
        self.noise = noise
        self.period = period

    def before_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Sequence[dict] | None = None,
    ) -> None:
        """Set share and noise for this iteration."""
        model = runner.model
        head = (model.module if is_model_wrapper(model) else model).head
        begin, end = self.period
        progress = runner.iter / runner.max_iters
        done = min(max((progress - begin) / (end - begin), 0.0), 1.0)
        share, noise = (
            first + (last - first) * done
            for first, last in (self.share, self.noise)
        )
        head.own_prediction_share, head.teacher_noise = share, noise
        hub = MessageHub.get_current_instance()
        hub.update_scalar('train/diag_own_share', share)
        hub.update_scalar('train/diag_teacher_noise', noise)
