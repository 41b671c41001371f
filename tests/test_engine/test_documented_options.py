# Copyright (c) cape_mm contributors. All rights reserved.
"""Options that the training guide names exist and build."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest
from mmengine.config import DictAction

GUIDE = Path(__file__).resolve().parents[2] / 'docs' / 'en' / 'training.md'


def _commands():
    blocks = re.findall(r'```bash\n(.*?)```', GUIDE.read_text(), re.DOTALL)
    for block in blocks:
        for line in block.replace('\\\n', ' ').splitlines():
            if '--cfg-options' in line and '--amp' not in line:
                yield line.split('--cfg-options')[1].strip()


def test_the_guide_has_commands():
    assert len(list(_commands())) >= 7


@pytest.mark.parametrize('command', list(_commands()))
def test_options_build(command, tiny_cape_runner, tmp_path):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args(['--cfg-options', *shlex.split(command)])
    runner = tiny_cape_runner(tmp_path, **args.cfg_options)
    runner.build_optim_wrapper(runner.optim_wrapper)
    for loop in (runner.train_loop, runner.val_loop, runner.test_loop):
        assert loop is not None
