# Copyright (c) cape_mm contributors. All rights reserved.
"""Write what every process saw, also those that do not log."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class RecordHook(Hook):
    """Losses of every iteration and metrics of every validation, as JSON."""

    def before_run(self, runner):
        self.record = dict(losses=[], metrics=[])

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        losses = {key: value.item() for key, value in outputs.items()}
        self.record['losses'].append(losses)

    def after_val_epoch(self, runner, metrics=None):
        self.record['metrics'].append(metrics)

    def after_train(self, runner):
        path = Path(runner.work_dir, f'record_{get_rank()}.json')
        path.write_text(json.dumps(self.record))
