# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
from support.tiny_ceph import write_tiny_ceph

from cape_mm.datasets.synthetic import write_cephalograms


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    root = tmp_path_factory.mktemp('mine')
    write_cephalograms(root, train=6, val=1, test=1, image_height=64)
    return root / 'annotations' / 'cephalograms_train.json'


@pytest.fixture
def run(mine, tmp_path, call_tool):
    def run(*options):
        call_tool(
            *('finetune.py', mine, '--family', 'cephalometric'),
            *('--out-dir', tmp_path / 'out', '--device', 'cpu', *options),
        )
        return tmp_path / 'out'

    return run


def test_it_compares_and_writes(run, tiny, capsys):
    out = run('--checkpoint', tiny.checkpoint, '--minutes', 0.03)
    text = capsys.readouterr().out
    assert 'on 1 held-out cephalogram(s) of 6, errors in mm' in text
    assert 'before' in text and 'after' in text
    assert 'cephalometric_demo.py' in text
    assert json.loads((out / 'results.json').read_text())['num_held_out'] == 1
    with pytest.raises(SystemExit, match='there already'):
        run('--checkpoint', tiny.checkpoint)


def test_without_a_checkpoint_it_says_how_to_train_one(run):
    with pytest.raises(SystemExit, match='needs --checkpoint; .*train one'):
        run()
