# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re

import pytest
from support.tiny_pavenet import model_config

TOOL = 'analysis_tools/benchmark_clip_step.py'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text(f'model = {model_config()!r}')
    return path


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_prints_parameters_time_and_memory_of_each_step(
    config, call_tool, capsys
):
    call_tool(TOOL, config, '--size', 48, '--persons', 2, '--batch-size', 2)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r'0\.\d\d million parameters', lines[0])
    steps = [
        re.fullmatch(
            rf'step {step}: [\d.]+ s, peak ([\d.]+) GiB, loss -?[\d.]+', line
        )
        for step, line in enumerate(lines[2:], start=1)
    ]
    assert len(steps) == 2 and all(float(step[1]) > 0 for step in steps)


def test_all_windows_without_gradient_are_refused(config, call_tool, capsys):
    with pytest.raises(SystemExit):
        call_tool(TOOL, config, '--size', 48, '--no-grad-windows', 2)
    assert 'leave a window to learn from' in capsys.readouterr().err
