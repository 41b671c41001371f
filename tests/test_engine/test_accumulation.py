# Copyright (c) cape_mm contributors. All rights reserved.
"""The real model with accumulated small batches and with big ones."""

from __future__ import annotations

import pytest
import torch


@pytest.mark.slow
def test_epochs_with_small_batches_equal_epochs_with_big_ones(
    tiny_cape_runner, tmp_path
):
    states = []
    for batch_size, steps in ((1, 4), (4, 1)):
        work_dir = tmp_path / f'{batch_size}x{steps}'
        tiny_cape_runner(
            work_dir,
            **{
                # 4 and 2 episodes
                'train_dataloader.dataset.num_episodes': 6,
                'train_dataloader.batch_size': batch_size,
                'optim_wrapper.accumulative_counts': steps,
                'optim_wrapper.optimizer': dict(
                    _delete_=True, type='SGD', lr=0.1
                ),
                'train_cfg.max_epochs': 2,
                # schedules count iterations, not updates
                'param_scheduler': [],
                'val_cfg': None,
                'val_dataloader': None,
                'val_evaluator': None,
                'default_hooks.checkpoint.save_best': None,
            },
        ).train()
        checkpoint = torch.load(work_dir / 'epoch_2.pth', weights_only=True)
        states.append(checkpoint['state_dict'])
    for key in states[0]:
        torch.testing.assert_close(
            states[0][key], states[1][key], rtol=0, atol=2e-6, msg=key
        )
