# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from cape_mm.datasets.formats.mp100.pair_list import PairEpisode, PairList
from cape_mm.engine.hooks import PairListHook

PAIRS = PairList(1, 2, (PairEpisode(7, (1,), (2, 3)),))


class ListDataset:
    pair_list = PAIRS
    metainfo = dict(pair_list=dict(sha256=PAIRS.sha256, partial=False))

    def describe(self):
        return f'sha256 {PAIRS.sha256}'


@pytest.fixture
def runner(tmp_path):
    texts = []
    loader = SimpleNamespace(dataset=ListDataset())
    return SimpleNamespace(
        val_dataloader=loader,
        test_dataloader=loader,
        logger=SimpleNamespace(info=texts.append),
        log_dir=str(tmp_path),
        texts=texts,
    )


def test_list_is_logged_saved_and_stored_with_the_metrics(runner, tmp_path):
    hook, metrics = PairListHook(), dict(PCK=0.5)
    hook.before_test_epoch(runner)
    hook.after_test_epoch(runner, metrics)
    assert PAIRS.sha256 in runner.texts[0]
    assert PairList.load(tmp_path / 'pair_list.json') == PAIRS
    stored = json.loads(json.dumps(metrics))
    assert stored['pair_list']['sha256'] == PAIRS.sha256
    assert stored['PCK'] == 0.5


def test_validation_is_described_once(runner):
    hook = PairListHook()
    hook.before_val_epoch(runner)
    hook.before_val_epoch(runner)
    assert len(runner.texts) == 1 and PAIRS.sha256 in runner.texts[0]


def test_other_data_sets_are_left_alone(runner, tmp_path):
    runner.test_dataloader = SimpleNamespace(dataset=[1, 2])
    hook, metrics = PairListHook(), dict(PCK=0.5)
    hook.before_test_epoch(runner)
    hook.after_test_epoch(runner, metrics)
    assert metrics == dict(PCK=0.5) and not runner.texts
    assert not list(tmp_path.iterdir())
