# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from cape_mm.datasets.synthetic import write_creatures

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture
def checkpoint(call_tool, toy_config, tmp_path):
    work_dir = tmp_path / 'trained'
    call_tool('train.py', toy_config, '--work-dir', work_dir)
    return work_dir / 'best_PCK_epoch_2.pth'


def _error(capsys, call_tool, *args):
    with pytest.raises(SystemExit) as error:
        call_tool('test.py', *args)
    if isinstance(error.value.code, str):
        return error.value.code
    return capsys.readouterr().err


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help('test.py')


def test_best_checkpoint_is_tested_and_results_are_written(
    start_tool, checkpoint, toy_config, tmp_path
):
    out = start_tool(
        'test.py',
        toy_config,
        checkpoint,
        *('--work-dir', 'tested', '--out', 'new/metrics.json'),
        *('--dump', 'new/predictions.pkl'),
        cwd=tmp_path,
    )
    assert 'PCK: 0.9' in out
    with open(tmp_path / 'new' / 'metrics.json') as file:
        assert json.load(file) == dict(PCK=0.9)
    with open(tmp_path / 'new' / 'predictions.pkl', 'rb') as file:
        assert len(pickle.load(file)) == 8
    assert list((tmp_path / 'tested').glob('*/*.log'))


def test_only_the_main_process_writes_the_metrics(
    monkeypatch, call_tool, checkpoint, toy_config, tmp_path
):
    monkeypatch.setattr('cape_mm.cli.launch.is_main_process', lambda: False)
    out = tmp_path / 'metrics.json'
    call_tool(
        'test.py', toy_config, checkpoint, '--out', out, '--work-dir', tmp_path
    )
    assert not out.exists()


@pytest.mark.parametrize(
    'args, message',
    [
        (['--out', 'metrics.txt'], '--out must end in .json'),
        (['--dump', 'all.json'], '--dump must end in .pkl'),
        ([], "no checkpoint 'nowhere.pth'"),
    ],
)
def test_wrong_argument_ends_with_one_sentence(
    args, message, capsys, call_tool, toy_config, tmp_path
):
    args = [toy_config, 'nowhere.pth', '--work-dir', tmp_path, *args]
    error = _error(capsys, call_tool, *args)
    assert message in error
    assert error.startswith('test.py: error: ')


class _MakeFolder:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_malicious_checkpoint_is_refused_and_not_run(
    monkeypatch, capsys, call_tool, toy_config, tmp_path
):
    monkeypatch.delenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', raising=False)
    evil, target = tmp_path / 'evil.pth', tmp_path / 'touched'
    torch.save(dict(state_dict={}, meta=_MakeFolder(target)), evil)
    message = _error(
        capsys, call_tool, toy_config, evil, '--work-dir', tmp_path
    )
    assert 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1' in message
    assert not target.exists()


@pytest.mark.parametrize(
    'change',
    [lambda weights: {}, lambda w: {k: v[..., None] for k, v in w.items()}],
    ids=['missing', 'other shapes'],
)
def test_checkpoint_of_another_model_is_refused(
    change, capsys, call_tool, checkpoint, toy_config, tmp_path
):
    """Otherwise random weights would be judged."""
    content = torch.load(checkpoint, weights_only=True)
    content['state_dict'] = change(content['state_dict'])
    other = tmp_path / 'other.pth'
    torch.save(content, other)
    message = _error(
        capsys, call_tool, toy_config, other, '--work-dir', tmp_path
    )
    assert 'weights of the model are missing' in message
    assert 'other.pth' in message


def test_checkpoint_one_trusts_is_tested_with_the_opt_in(
    monkeypatch, call_tool, checkpoint, toy_config, tmp_path
):
    content = torch.load(checkpoint, weights_only=True)
    content['foreign'] = pytest.approx(1)
    foreign = tmp_path / 'foreign.pth'
    torch.save(content, foreign)
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    with pytest.warns(UserWarning, match='may run code'):
        call_tool('test.py', toy_config, foreign, '--work-dir', tmp_path)


def test_no_visualization_hook_is_explained(
    capsys, call_tool, checkpoint, toy_config, tmp_path
):
    config = tmp_path / 'blind.py'
    config.write_text(
        f'_base_ = [{toy_config!r}]\n'
        "default_hooks = dict(_delete_=True, timer=dict(type='IterTimerHook'))"
    )
    message = _error(
        capsys, call_tool, config, checkpoint, '--show-dir', tmp_path
    )
    assert 'EpisodeVisualizationHook' in message


def test_a_model_without_training_needs_no_checkpoint(call_tool, tmp_path):
    pytest.importorskip('timm')
    write_creatures(
        tmp_path / 'data',
        train=(1, 4),
        val=(1, 4),
        test=(2, 4),
        image_size=64,
    )
    config = CONFIGS / 'cape' / 'matching_efficientnet-lite0_fast.py'
    dataset = 'test_dataloader.dataset'
    out = tmp_path / 'metrics.json'
    options = [
        f'{dataset}.dataset.data_root={tmp_path / "data"}',
        f'{dataset}.num_queries=2',
        f'{dataset}.episodes_per_category=2',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'model.backbone.checkpoint=None',
    ]
    call_tool(
        'test.py',
        config,
        *('--out', out, '--work-dir', tmp_path / 'work'),
        *('--cfg-options', *options),
    )
    metrics = json.loads(out.read_text())
    assert 0 <= metrics['PCK'] <= 1


def test_a_trained_model_without_checkpoint_is_refused(
    capsys, call_tool, toy_config, tmp_path
):
    message = _error(
        capsys, call_tool, toy_config, '--work-dir', tmp_path / 'work'
    )
    assert 'trained parameters' in message and 'checkpoint' in message
    assert message.count('\n') <= 1
