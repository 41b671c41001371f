# Copyright (c) cape_mm contributors. All rights reserved.
"""The cephalometric recipes train, stop on a plateau, and keep the best."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.visualization import EpisodeVisualizer

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cephalometric'
MANAGERS = (
    *(MMLogger, MessageHub, DefaultScope),
    *(Visualizer, EpisodeVisualizer),
)
#: As small as HRNet can be.
FEW_BLOCKS = dict(
    stage1=dict(num_blocks=(1,)),
    stage2=dict(num_blocks=(1, 1)),
    stage3=dict(num_modules=1, num_blocks=(1, 1, 1)),
    stage4=dict(num_modules=1, num_blocks=(1, 1, 1, 1)),
)


@pytest.fixture(scope='module')
def cephalograms(tmp_path_factory):
    root = tmp_path_factory.mktemp('cephalograms') / 'cephalograms'
    write_cephalograms(root, train=8, val=8, test=4, image_height=64)
    return root


@pytest.fixture
def make_runner(cephalograms, tmp_path, monkeypatch):
    """Build the runner of a recipe for a few images, with changed settings."""

    def make(name, **options):
        for manager in MANAGERS:
            manager._instance_dict.clear()
        monkeypatch.setenv('CEPH_DATA_ROOT', str(cephalograms))
        cfg = Config.fromfile(str(FOLDER / f'hrnetv2_w18_{name}.py'))
        cfg.work_dir = str(tmp_path)
        cfg.merge_from_dict(dict(model=dict(backbone=dict(extra=FEW_BLOCKS))))
        for split in ('train', 'val', 'test'):
            cfg[f'{split}_dataloader'].update(
                num_workers=0, persistent_workers=False, batch_size=4
            )
        cfg.merge_from_dict(options)
        return Runner.from_cfg(cfg)

    yield make
    for manager in MANAGERS:
        manager._instance_dict.clear()


@pytest.mark.parametrize(
    'name', ['cephalometric_original', 'cephalometric_stable']
)
def test_the_columns_of_the_document_run(make_runner, name, tmp_path):
    runner = make_runner(
        name, **{'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1}
    )
    runner.train()
    assert runner.iter == 2
    assert (tmp_path / 'best_PCK_epoch_1.pth').is_file()


def test_swallowed_validation_is_run_on_resume(make_runner, tmp_path):
    """The best file and the log have the validation that did not end."""
    options = {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1}
    runner = make_runner('cephalometric_stable', **options)
    runner.val_evaluator.evaluate = lambda size: 1 / 0
    with pytest.raises(ZeroDivisionError):
        runner.train()
    assert not [*tmp_path.glob('best_*')]
    resumed = make_runner('cephalometric_stable', **options, resume=True)
    resumed.train()
    assert resumed.iter == runner.iter == 2
    assert (tmp_path / 'best_PCK_epoch_1.pth').is_file()
    assert len(resumed.message_hub.get_scalar('val/PCK').data[0]) == 1


@pytest.mark.slow
def test_a_short_trial_of_the_recommended_recipe(
    make_runner, monkeypatch, tmp_path
):
    monkeypatch.setenv('CEPH_EPOCHS', '1')
    parts = ('train', 'val', 'train_gap')
    few = {f'{part}_dataloader.dataset.indices': 2 for part in parts}
    few['train_gap_dataloader.num_workers'] = 0
    runner = make_runner('cephalometric_512x640', **few)
    runner.train()
    assert runner.iter == 1
    assert (tmp_path / 'best_MRE_mm_epoch_1.pth').is_file()
    scalars = runner.message_hub.log_scalars
    assert {'val/train_MRE_mm', 'val/gap_MRE_mm', 'val/trend_drop'} <= set(
        scalars
    )


@pytest.mark.slow
def test_a_plateau_ends_the_stable_recipe(make_runner, tmp_path):
    """Best at epoch 2, patience 5 of a validation every 2 epochs."""
    frozen = {
        'optim_wrapper.optimizer.lr': 0.0,
        'param_scheduler.1.eta_min': 0.0,
        'model.backbone.norm_eval': True,
        'model.head.conv_out_channels': None,
        'model.head.conv_kernel_sizes': None,
        'train_dataloader.dataset.indices': 2,
        'val_dataloader.dataset.indices': 4,
    }
    runner = make_runner('cephalometric_stable', **frozen)
    runner.train()
    assert runner.epoch == 12 < runner.max_epochs == 30
    history = runner.message_hub.get_scalar('val/PCK').data[0]
    assert len(history) == 6 and len(set(history.tolist())) == 1


@pytest.mark.slow
def test_the_best_checkpoint_tests_to_the_same_figures(make_runner, tmp_path):
    config = 'small_synthetic-cephalograms'
    runner = make_runner(config, **{'train_cfg.max_epochs': 4})
    runner.train()
    hub = runner.message_hub
    (best,) = tmp_path.glob('best_PCK_epoch_*.pth')
    epoch = int(best.stem.split('_')[-1])
    validated = {
        key: hub.get_scalar(f'val/{key}').data[0][epoch // 2 - 1]
        for key in ('PCK', 'MRE_mm', 'skill', 'angle_error')
    }
    torch.load(best, weights_only=True)
    options = dict(
        load_from=str(best),
        **{'test_dataloader.dataset.ann_file': runner.cfg.val_file},
    )
    tested = make_runner(config, **options).test()
    for key, value in validated.items():
        assert tested[key] == pytest.approx(value, rel=1e-5), key


@pytest.mark.slow
def test_training_lowers_the_loss(make_runner):
    runner = make_runner(
        'small_synthetic-cephalograms',
        custom_hooks=[],  # a training of seconds is still at the mean shape
        **{'train_cfg.max_epochs': 10, 'train_cfg.val_interval': 10},
    )
    runner.train()
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(losses) == 20
    assert losses[-4:].mean() < 0.95 * losses[:4].mean()
