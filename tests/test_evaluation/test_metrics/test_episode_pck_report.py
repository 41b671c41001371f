# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import pytest

from cape_mm.evaluation.metrics import EpisodePCK


def test_table_has_a_row_per_category(make_episode, evaluate, logged):
    metric = EpisodePCK(thresholds=(0.1, 0.2), extras=('mPCK',))
    evaluate(
        metric,
        make_episode([[0]], category_id=18),
        make_episode([[50]], category_id=40),
    )
    table = logged[0][1].splitlines()
    assert table[0] == 'PCK by category, mean over pairs'
    assert table[1].split() == [
        'category', 'pairs', 'empty', 'PCK', 'PCK@0.1', 'mPCK',
    ]  # fmt: skip
    assert table[3].split()[:5] == ['18', 'beast', '1', '0', '1.0000']
    assert table[4].split()[:5] == ['40', 'beast', '1', '0', '0.0000']
    assert table[5].split()[:4] == ['all', '2', '0', '0.5000']


def test_table_of_supercategories_is_there_if_there_are_several(
    make_episode, evaluate, logged
):
    evaluate(EpisodePCK(), make_episode([[0]], supercategory='cats'))
    assert not any('supercategory' in text for _, text in logged)
    del logged[:]
    evaluate(
        EpisodePCK(thresholds=()),
        make_episode([[0]], category_id=1, supercategory='cats'),
        make_episode([[50]], category_id=2, supercategory='cats'),
        make_episode([[50]], category_id=3),
    )
    table = logged[1][1].splitlines()
    assert table[0] == 'PCK by supercategory, mean over pairs'
    assert table[1].split() == ['supercategory', 'pairs', 'empty', 'PCK']
    assert table[3].split() == ['cats', '2', '0', '0.5000']
    assert table[4].split() == ['(none)', '1', '0', '0.0000']
    assert table[5].split() == ['all', '3', '0', '0.3333']


def test_result_says_how_it_was_taken(make_episode, evaluate, logged):
    metric = EpisodePCK(thresholds=(0.1, 0.2), extras=('mPCK',), bootstrap={})
    evaluate(metric, make_episode([[0], [50]]))
    lines = logged[-1][1].splitlines()
    assert lines[0] == 'Result: mean over 2 pairs, empty pairs count 0'
    assert lines[1] == 'mPCK: mean over the thresholds 0.1, 0.2'
    assert lines[2] == (
        'low, high: 95 % interval, 1000 resamples of whole episodes within '
        'their category'
    )
    assert lines[3].split() == ['metric', 'value', 'low', 'high']
    assert lines[5].split() == ['PCK', '0.5000', '0.5000', '0.5000']
    assert [line.split()[0] for line in lines[6:]] == ['PCK@0.1', 'mPCK']


def test_interval_draws_whole_episodes(make_episode, evaluate):
    episodes = [
        make_episode([[50 * (i % 2)]] * 3, number=i) for i in range(20)
    ]
    metric = EpisodePCK(thresholds=(), bootstrap=dict(num_samples=4000))
    metrics = evaluate(metric, *episodes)
    assert list(metrics) == ['PCK', 'PCK_low', 'PCK_high']
    # 20 independent coins, not 60
    assert metrics['PCK_low'] == pytest.approx(0.5 - 0.22, abs=0.04)
    assert metrics['PCK_high'] == pytest.approx(0.5 + 0.22, abs=0.04)


@pytest.mark.parametrize('empty_pair, ends', [('zero', 0.5), ('skip', 1.0)])
def test_interval_treats_empty_pairs_as_the_mean_does(
    make_episode, evaluate, empty_pair, ends
):
    episode = make_episode([[1], [1]], visible=[[1], [0]])
    metric = EpisodePCK(empty_pair=empty_pair, bootstrap={})
    metrics = evaluate(metric, episode)
    assert metrics['PCK_low'] == metrics['PCK_high'] == ends


def test_files_hold_settings_and_a_row_per_pair(
    make_episode, evaluate, tmp_path
):
    path = tmp_path / 'new' / 'split1.json'
    metric = EpisodePCK(
        thresholds=(0.1, 0.2),
        extras=('NME',),
        bootstrap=dict(num_samples=10),
        dump_file=str(path),
    )
    metric.dataset_meta = dict(pair_list=dict(sha256='abc'))
    metrics = evaluate(
        metric,
        make_episode([[0, 12], [1, 1]], [[1, 1], [0, 0]], category_id=4),
        make_episode(
            [[50, 50]],
            support_visible=[[1, 1], [1, 1]],
            supercategory='cats',
            number=1,
        ),
    )
    summary = json.loads(path.read_text())
    assert summary['metrics'] == {
        key: metrics[key] for key in ('PCK', 'PCK@0.1', 'NME')
    }
    assert summary['intervals']['PCK'] == [
        metrics['PCK_low'],
        metrics['PCK_high'],
    ]
    settings = summary['settings']
    assert settings['thresholds'] == [0.1, 0.2]
    assert settings['empty_pair'] == 'zero'
    assert settings['pair_list'] == dict(sha256='abc')
    assert settings['bootstrap'] == dict(
        unit='episode', num_samples=10, level=0.95, seed=0
    )
    counts = [summary[key] for key in ('episodes', 'pairs', 'empty_pairs')]
    assert counts == [2, 3, 1]
    assert [row['name'] for row in summary['by_category']] == [
        '4 beast',
        '1 beast',
    ]
    assert [row['name'] for row in summary['by_supercategory']] == ['', 'cats']

    with path.with_suffix('.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['episode'] for row in rows] == ['0', '0', '1']
    assert [row['num_valid'] for row in rows] == ['2', '0', '2']
    assert [row['PCK@0.1'] for row in rows] == ['0.5', '', '0.0']
    assert rows[2]['support_ids'] == '7 7' and rows[2]['query_id'] == '7'
    assert rows[2]['supercategory'] == 'cats'


def test_files_of_nothing_but_empty_pairs_are_valid(
    make_episode, evaluate, tmp_path
):
    path = tmp_path / 'none.json'
    metric = EpisodePCK(empty_pair='skip', bootstrap={}, dump_file=str(path))
    evaluate(metric, make_episode([[1]], visible=[[0]]))
    summary = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert summary['metrics']['PCK'] is None
    assert summary['intervals']['PCK'] == [None, None]
