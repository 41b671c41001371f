# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import runpy
import sys
from pathlib import Path

CONFIGS = Path(__file__).parents[2] / 'configs'
TOOL = Path(__file__).parents[2] / 'tools/analysis_tools/benchmark_decoding.py'
CONFIG = Path(__file__).parents[1] / 'support' / 'tiny_cape_config.py'


def test_prints_both_times_and_an_exact_cache(monkeypatch, capsys):
    arguments = [str(CONFIG), '--input-size', '64', '--keypoints', '4']
    arguments += ['--threads', '1', '--repeats', '2']
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')
    row = capsys.readouterr().out.splitlines()[-1].split(' | ')
    parallel, autoregressive, ratio, difference = map(float, row[:4])
    assert parallel > 0 and autoregressive > 0
    assert abs(ratio - autoregressive / parallel) < 0.1 * ratio
    assert difference < 1e-5


def test_slots_are_compared_at_equal_outputs(monkeypatch, capsys):
    config = CONFIGS / 'graphcape/graphcape_r18_creatures-128x128.py'
    arguments = [str(config), '--input-size', '64', '--keypoints', '4']
    arguments += ['--queries', '3', '--threads', '1', '--repeats', '2']
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')
    rows = capsys.readouterr().out.splitlines()[-2:]
    for row, what in zip(rows, ('head', 'whole model')):
        first, second, ratio, difference = map(float, row.split(' | ')[:4])
        assert 0 < first < second and ratio > 1
        assert difference < 1e-4
        assert row.split(' | ')[4] == what
