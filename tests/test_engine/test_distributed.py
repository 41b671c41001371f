# Copyright (c) cape_mm contributors. All rights reserved.
"""Two processes on CPUs against one with the same global batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cape_mm.cli.launch import join_cpu_processes
from cape_mm.errors import UsageError

TESTS = Path(__file__).resolve().parents[1]
TOOLS = TESTS.parent / 'tools'


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr('cape_mm.cli.launch.get_device', lambda: 'cpu')


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def _train_on_two(config: Path, *options: str) -> str:
    env = dict(
        os.environ,
        PYTHONPATH=str(TESTS),
        PYTHON=sys.executable,
        PORT=str(_free_port()),
        CUDA_VISIBLE_DEVICES='-1',
        OMP_NUM_THREADS='1',
    )
    command = ['bash', TOOLS / 'dist_train.sh', config, '2', *options]
    done = subprocess.run(
        list(map(str, command)), env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def _records(work_dir: Path) -> list:
    paths = sorted(work_dir.glob('record_*.json'))
    return [json.loads(path.read_text()) for path in paths]


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_same_global_batch(
    tiny_cape_config, tiny_cape_runner, tmp_path
):
    options = {
        'train_cfg.max_epochs': 1,
        # 3 iterations of 4 episodes, 2 updates
        'train_dataloader.dataset.num_episodes': 12,
        'optim_wrapper.accumulative_counts': 2,
        # AdamW would divide by tiny gradients and so enlarge rounding
        'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.1),
    }
    alone, together = tmp_path / 'alone', tmp_path / 'together'
    tiny_cape_runner(
        alone, **options, **{'train_dataloader.batch_size': 4}
    ).train()

    cfg = tiny_cape_config(
        together, **options, **{'train_dataloader.batch_size': 2}
    )
    cfg.dump(str(tmp_path / 'two.py'))
    log = _train_on_two(
        tmp_path / 'two.py', '--cfg-options', 'env_cfg.dist_cfg.backend=gloo'
    )
    assert 'batch: 4 physical, 8 effective (2 per process x 2 proc' in log

    (one,), ranks = _records(alone), _records(together)
    assert len(one['losses']) == 3
    for i, losses in enumerate(one['losses']):
        halves = [rank['losses'][i] for rank in ranks]
        assert len(halves) == 2 and halves[0] != halves[1]
        for key, loss in losses.items():
            mean = (halves[0][key] + halves[1][key]) / 2
            assert mean == pytest.approx(loss, rel=1e-5), (i, key)
    assert ranks[0]['metrics'] == one['metrics']

    states = [
        torch.load(folder / 'epoch_1.pth', weights_only=True)['state_dict']
        for folder in (alone, together)
    ]
    for key in states[0]:
        torch.testing.assert_close(
            states[0][key], states[1][key], rtol=0, atol=1e-6
        )


def test_launcher_without_gpu_needs_gloo(without_gpu, tiny_cape_config):
    cfg = tiny_cape_config('work', launcher='pytorch')
    with pytest.raises(UsageError, match='env_cfg.dist_cfg.backend=gloo'):
        join_cpu_processes(cfg)
    cfg = tiny_cape_config(
        'work', launcher='slurm', **{'env_cfg.dist_cfg.backend': 'gloo'}
    )
    with pytest.raises(UsageError, match='--launcher slurm needs GPUs'):
        join_cpu_processes(cfg)


def test_nothing_is_joined_without_launcher(without_gpu, tiny_cape_config):
    cfg = tiny_cape_config('work')
    join_cpu_processes(cfg)
    assert 'model_wrapper_cfg' not in cfg
    assert not torch.distributed.is_initialized()
