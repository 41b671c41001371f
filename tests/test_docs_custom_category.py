# Copyright (c) cape_mm contributors. All rights reserved.
"""Commands and code of the guides to own categories and insight tools."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from cape_mm.apis import read_request
from cape_mm.registry import HOOKS

ROOT = Path(__file__).resolve().parents[1]
GUIDES = {
    name: (ROOT / 'docs' / 'en' / f'{name}.md').read_text('utf-8')
    for name in ('custom_category', 'cape_demo', 'finetuning', 'insight_tools')
}


def blocks(language, guide='custom_category'):
    return re.findall(
        rf'```{language}\n(.*?)```', GUIDES[guide], flags=re.DOTALL
    )


def commands(guide):
    """Words of each command of a tool, from the tool on."""
    for block in blocks('bash', guide):
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line, comments=True)
            if 'python' in words:
                yield words[words.index('python') + 1 :]


@pytest.mark.parametrize('guide', GUIDES)
def test_commands_are_understood(guide, monkeypatch):
    found = list(commands(guide))
    assert len(found) >= (1 if guide == 'cape_demo' else 5)
    for tool, *args in found:
        monkeypatch.setattr(sys, 'argv', [tool, *args])
        monkeypatch.setattr(sys, 'path', list(sys.path))
        runpy.run_path(str(ROOT / tool))['parse_args']()


def test_request_is_readable(tmp_path):
    (text,) = blocks('json', 'cape_demo')
    path = tmp_path / 'mugs.json'
    path.write_text(text)
    request = read_request(str(path))
    assert len(request.keypoint_names) == 4
    assert request.queries[1].box == [40, 60, 200, 240]


def test_config_for_fine_tuning_is_sound(tmp_path):
    (text,) = (
        block for block in blocks('python', 'finetuning') if '_base_' in block
    )
    path = tmp_path / 'my_mugs.py'
    path.write_text(text.replace("'./configs", f"'{ROOT}/configs"))
    cfg = Config.fromfile(str(path))
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert train.dataset.data_root == val.dataset.data_root == 'data/mugs'
    assert train.dataset.type == 'cape_mm.MP100Dataset'
    assert val.pipeline == cfg.test_pipeline
    assert 'pair_file' not in val
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[1].T_max == 10
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    # without the hook, training would be pure teacher forcing
    (sampling,) = (
        HOOKS.build(hook)
        for hook in cfg.default_hooks.values()
        if 'ScheduledSampling' in hook.type
    )
    assert sampling.share == (1.0, 1.0)
