# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'cape' / 'single_category.py'


def _error(capsys, call_tool, *args):
    with pytest.raises(SystemExit) as error:
        call_tool('train.py', *args)
    if isinstance(error.value.code, str):
        return error.value.code
    return capsys.readouterr().err


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help('train.py')


def test_checkout_trains_from_any_folder_and_resumes(
    start_tool, call_tool, toy_config, tmp_path
):
    out = start_tool('train.py', toy_config, cwd=tmp_path)
    work_dir = tmp_path / 'work_dirs' / 'toy_config'
    best = work_dir / 'best_PCK_epoch_2.pth'
    assert torch.load(best, weights_only=True)['meta']['epoch'] == 2
    assert 'Epoch(val) [2][2/2]    PCK: 0.900000' in out

    more = 'train_cfg.max_epochs=3'
    call_tool(
        'train.py',
        toy_config,
        '--resume',
        '--work-dir',
        work_dir,
        '--cfg-options',
        more,
    )
    assert (work_dir / 'epoch_3.pth').exists()
    assert best.exists()


def test_no_validate_keeps_no_best_file(call_tool, toy_config, tmp_path):
    call_tool('train.py', toy_config, '--no-validate', '--work-dir', tmp_path)
    files = [path.name for path in tmp_path.glob('*.pth')]
    assert sorted(files) == ['epoch_1.pth', 'epoch_2.pth']


def test_auto_scale_lr_scales_by_the_batch_size(
    call_tool, toy_config, tmp_path
):
    config = tmp_path / 'scaled.py'
    config.write_text(
        f'_base_ = [{toy_config!r}]\n'
        'auto_scale_lr = dict(enable=False, base_batch_size=8)\n'
    )
    call_tool(
        'train.py', config, '--auto-scale-lr', '--work-dir', tmp_path / 'work'
    )
    first = torch.load(tmp_path / 'work' / 'epoch_1.pth', weights_only=True)
    lr = first['message_hub']['log_scalars']['train/lr']['log']
    assert lr[0] == pytest.approx(0.1 * 2 / 8)


@pytest.mark.parametrize(
    'args, message',
    [
        (['--auto-scale-lr'], 'base_batch_size'),
        (['--resume', 'nowhere.pth'], "no checkpoint 'nowhere.pth'"),
        (['--cfg-options', 'param_scheduler.7.gamma=1'], '--cfg-options'),
        (['--launcher', 'ssh'], 'invalid choice'),
    ],
)
def test_wrong_flag_ends_with_one_sentence(
    args, message, capsys, call_tool, toy_config, tmp_path
):
    args = [toy_config, '--work-dir', tmp_path, *args]
    assert message in _error(capsys, call_tool, *args)


def test_missing_config_is_named(capsys, call_tool):
    message = _error(capsys, call_tool, 'configs/nothing.py')
    assert (
        message == 'train.py: error: there is no config file '
        "'configs/nothing.py'"
    )


def test_amp_without_gpu_is_refused(
    monkeypatch, capsys, call_tool, toy_config, tmp_path
):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cpu')
    args = [toy_config, '--amp', '--work-dir', tmp_path]
    assert 'needs a GPU' in _error(capsys, call_tool, *args)


def test_launcher_without_gpu_is_refused(
    monkeypatch, capsys, call_tool, toy_config
):
    monkeypatch.setattr('cape_mm.cli.launch.get_device', lambda: 'cpu')
    message = _error(capsys, call_tool, toy_config, '--launcher', 'pytorch')
    assert 'needs GPUs' in message


class _MakeFolder:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_malicious_checkpoint_is_not_resumed(
    monkeypatch, capsys, call_tool, toy_config, tmp_path
):
    monkeypatch.delenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', raising=False)
    evil, target = tmp_path / 'evil.pth', tmp_path / 'touched'
    torch.save(dict(meta=_MakeFolder(target)), evil)
    (tmp_path / 'last_checkpoint').write_text(str(evil))
    args = [toy_config, '--work-dir', tmp_path]
    for resume in (['--resume', evil], ['--resume']):
        message = _error(capsys, call_tool, *args, *resume)
        assert 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1' in message
    assert not target.exists()


def test_visualization_flags_reach_the_hook(
    monkeypatch, call_tool, toy_config, tmp_path
):
    settings = {}

    class Runner:
        @classmethod
        def from_cfg(cls, cfg):
            settings.update(cfg.default_hooks.visualization)
            return cls()

        def register_hook(self, hook):
            pass

        def train(self):
            pass

    monkeypatch.setattr('cape_mm.cli.launch.Runner', Runner)
    flags = '--show --show-dir images --interval 3 --wait-time 0.5'
    call_tool('train.py', toy_config, '--work-dir', tmp_path, *flags.split())
    assert settings['enable'] and settings['show']
    assert settings['out_dir'] == 'images'
    assert (settings['interval'], settings['wait_time']) == (3, 0.5)


def test_suffix_of_the_config_may_be_left_out(call_tool, toy_config, tmp_path):
    """As ``mim train cape_mm NAME`` leaves it out."""
    name = toy_config[: -len('.py')]
    call_tool('train.py', name, '--work-dir', tmp_path)
    assert (tmp_path / 'best_PCK_epoch_2.pth').exists()


@pytest.mark.parametrize(
    'content, message',
    [
        ('{', 'ann.json is no valid JSON'),
        (
            '{"images": [], "annotations": [], "categories": []}',
            'ann.json has no usable instance',
        ),
        (None, "ann.json' does not exist"),
    ],
)
def test_wrong_data_end_with_the_message_alone(
    content, message, capsys, call_tool, monkeypatch, tmp_path
):
    if content:
        (tmp_path / 'ann.json').write_text(content)
    monkeypatch.setenv('CAPE_DATA_ROOT', str(tmp_path))
    monkeypatch.setenv('CAPE_ANN_FILE', 'ann.json')
    text = _error(capsys, call_tool, CONFIG, '--work-dir', tmp_path)
    assert text.startswith('train.py: error: ')
    assert message in text
