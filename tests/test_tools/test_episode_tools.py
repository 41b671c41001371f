# Copyright (c) cape_mm contributors. All rights reserved.
"""The tools that draw episodes and predictions."""

from __future__ import annotations

import csv
import json
import math

import pytest
from mmengine.config import Config
from support.tiny_cape import save_weights, write_tiny_cape

from cape_mm.cli.checkpoint_comparison import sort_rows, summarise


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_cape(tmp_path_factory.mktemp('tiny'))


@pytest.mark.parametrize(
    'name', ['browse_episodes', 'compare_checkpoints', 'show_proposals']
)
def test_help_answers_without_importing_torch(name, modules_after_help):
    assert 'torch' not in modules_after_help(f'analysis_tools/{name}.py')


@pytest.mark.parametrize('mode, count', [('train', 3), ('val', 5)])
def test_browse_episodes_draws_a_mode(mode, count, tiny, call_tool, tmp_path):
    call_tool(
        'analysis_tools/browse_episodes.py',
        *(tiny.config, '--mode', mode, '--num', count, '--out-dir', tmp_path),
    )
    assert len(list(tmp_path.glob(f'{mode}_*.png'))) == count


def test_epochs_of_training_differ(tiny, call_tool, tmp_path):
    for epoch in (0, 1):
        call_tool(
            'analysis_tools/browse_episodes.py',
            *(tiny.config, '--num', 1, '--epoch', epoch),
            *('--out-dir', tmp_path / str(epoch)),
        )
    first, second = (
        next((tmp_path / epoch).iterdir()).read_bytes() for epoch in '01'
    )
    assert first != second


def test_show_proposals_draws_maps_and_attention(tiny, call_tool, tmp_path):
    call_tool(
        'analysis_tools/show_proposals.py',
        *(tiny.config, tiny.checkpoint, '--episodes', 1, 3),
        *('--max-queries', 2, '--out-dir', tmp_path),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f'{episode:05d}_{query}_{kind}.png'
        for episode in (1, 3)
        for query in (0, 1)
        for kind in ('attention', 'proposals')
    )


def test_checkpoints_are_compared(tiny, call_tool, tmp_path, capsys):
    other = tmp_path / 'other.pth'
    save_weights(Config.fromfile(str(tiny.config)), other, seed=1)
    out = tmp_path / 'out'
    call_tool(
        'analysis_tools/compare_checkpoints.py',
        *(tiny.config, tiny.checkpoint, other),
        *('--num-images', 2, '--out-dir', out),
    )
    content = json.loads((out / 'differences.json').read_text())
    with open(out / 'differences.csv') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content['queries']) == 10
    differences = [abs(float(row['diff_NME'])) for row in rows]
    assert differences == sorted(differences, reverse=True)
    assert differences[0] > 0
    assert len(list(out.glob('*.png'))) == 2
    summary = content['summary']
    assert summary['better_a'] + summary['better_b'] == 10
    mean = sum(float(row['NME_b']) for row in rows) / 10
    assert summary['NME_b'] == pytest.approx(mean)
    assert 'other.pth' in capsys.readouterr().out


def test_equal_checkpoints_do_not_differ(tiny, call_tool, tmp_path):
    call_tool(
        'analysis_tools/compare_checkpoints.py',
        *(tiny.config, tiny.checkpoint, tiny.checkpoint),
        *('--num-episodes', 2, '--num-images', 0, '--out-dir', tmp_path),
    )
    content = json.loads((tmp_path / 'differences.json').read_text())
    assert len(content['queries']) == 4
    assert {row['diff_NME'] for row in content['queries']} == {0}


def test_queries_without_keypoint_are_last_and_not_in_the_means():
    scores = ('PCK', 'PCK@0.05', 'NME')
    rows = [
        {
            'diff_NME': diff,
            **{f'{name}_{side}': diff for name in scores for side in 'ab'},
        }
        for diff in (0.1, math.nan, -0.3)
    ]
    ordered = [row['diff_NME'] for row in sort_rows(rows)]
    assert ordered[:2] == [-0.3, 0.1]
    summary = summarise(rows)
    assert summary['judged'] == 2
    assert summary['PCK_a'] == pytest.approx(-0.1)
