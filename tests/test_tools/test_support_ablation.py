# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
from mmengine.config import Config
from support.tiny_cape import write_tiny_cape

from cape_mm.apis import load_estimator
from cape_mm.cli.episodes import build_dataset, predict_samples
from cape_mm.cli.support_ablation import average, donor_of
from cape_mm.evaluation.metrics import EpisodePCK

TOOL = 'analysis_tools/support_ablation.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_cape(tmp_path_factory.mktemp('tiny'))


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_table_agrees_with_the_test(tiny, call_tool, tmp_path, capsys):
    out = tmp_path / 'table.json'
    call_tool(TOOL, tiny.config, tiny.checkpoint, '--out', out)
    table = json.loads(out.read_text())
    printed = capsys.readouterr().out

    cfg = Config.fromfile(str(tiny.config))
    model = load_estimator(cfg, tiny.checkpoint, 'cpu')
    dataset = build_dataset(cfg)
    episodes = predict_samples(
        model, [dataset[i] for i in range(len(dataset))]
    )
    metric = EpisodePCK()
    metric.process({}, [episode.to_dict() for episode in episodes])
    expected = metric.compute_metrics(metric.results)
    right = table['right support']
    assert right['PCK@0.2'] == pytest.approx(expected['PCK'])
    assert right['PCK@0.05'] == pytest.approx(expected['PCK@0.05'])
    assert right['pairs'] == 2 * len(dataset)

    assert table['permuted keypoint order'] == pytest.approx(right, abs=0.02)
    assert len(table) == 7
    for name, row in table.items():
        assert name in printed
        if name != 'wrong-category support':
            assert row['keypoints'] == right['keypoints']
    assert table['wrong-category support']['keypoints'] <= right['keypoints']


def test_one_category_leaves_no_wrong_one(tiny, call_tool, capsys):
    call_tool(TOOL, tiny.config, tiny.checkpoint, '--num-episodes', 1)
    assert 'Only one category' in capsys.readouterr().out


def test_donor_is_of_another_category():
    class Sample:
        def __init__(self, category_id):
            self.category_id = category_id

    loaded = []

    class Dataset:
        def __getitem__(self, index):
            loaded.append(index)
            return dict(data_samples=Sample(index // 3))

    donor = donor_of(Dataset(), 1, list(range(6)), {1: 0})
    assert donor['data_samples'].category_id == 1
    assert loaded == [4]


def test_only_pairs_that_the_change_has_emptied_are_left_out():
    rows = [
        {'PCK@0.2': 1.0, 'PCK@0.05': 0.5, 'keypoints': 4, 'judged': True},
        {'PCK@0.2': 9, 'PCK@0.05': 9, 'keypoints': 0, 'judged': True},
        {'PCK@0.2': 9, 'PCK@0.05': 9, 'keypoints': 0, 'judged': False},
    ]
    assert average(rows) == {
        'PCK@0.2': 0.5,
        'PCK@0.05': 0.25,
        'pairs': 2,
        'keypoints': 4,
    }
