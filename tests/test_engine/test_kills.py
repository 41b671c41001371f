# Copyright (c) cape_mm contributors. All rights reserved.
"""A training that is killed and resumed is one that was never interrupted."""

from __future__ import annotations

import json

import pytest
from support.killed_training import Trainings

from .test_resume import CLOCKS, assert_same, load

PROCESS = 'support.toy_project.ToyPCK.process'
EVALUATE = 'support.toy_project.ToyPCK.compute_metrics'
VALIDATE = 'mmengine.runner.ValLoop.run'
HOOKS = 'mmengine.hooks'
STOPPING = 'cape_mm.engine.hooks.ResumableEarlyStoppingHook.after_val_epoch'
UPDATE = 'mmengine.logging.MessageHub.update_info'
# function, part of an argument, which call of those, when; epochs 1, 2 and 4
# are new best ones, so that their checkpoint is written a second time
KILLS = {
    'first checkpoint half written': [
        ('torch.save', '/epoch_1.pth', 1, 'half')
    ],
    'checkpoint half written': [('torch.save', '/epoch_3.pth', 1, 'half')],
    'checkpoint without name': [('os.replace', '/epoch_3.pth', 1, 'before')],
    'checkpoint with name': [('os.replace', '/epoch_3.pth', 1, 'after')],
    'before it is the last one': [
        ('os.replace', 'last_checkpoint', 5, 'before')
    ],
    'when it is the last one': [('os.replace', 'last_checkpoint', 5, 'after')],
    'before the older one is deleted': [
        ('os.remove', '/epoch_2.pth', 1, 'before')
    ],
    'when the older one is deleted': [
        ('os.remove', '/epoch_2.pth', 1, 'after')
    ],
    'before a validation': [(VALIDATE, '', 3, 'before')],
    'in a validation without gain': [(PROCESS, '', 6, 'before')],
    'in a validation with gain': [(PROCESS, '', 7, 'after')],
    'before the last validation': [(VALIDATE, '', 5, 'before')],
    'after the metrics': [(EVALUATE, '', 2, 'after')],
    'after the log of a validation': [
        (f'{HOOKS}.LoggerHook.after_val_epoch', '', 4, 'after')
    ],
    'after the best score': [(UPDATE, 'best_score', 2, 'after')],
    'first best half written': [('torch.save', '/best_PCK', 1, 'half')],
    'best half written': [('torch.save', '/best_PCK', 2, 'half')],
    'best without name': [('os.replace', '/best_PCK', 2, 'before')],
    'best unknown to the checkpoint': [
        ('os.replace', '/best_PCK', 3, 'after')
    ],
    'second writing half done': [('torch.save', '/epoch_2.pth', 2, 'half')],
    'second writing without name': [
        ('os.replace', '/epoch_4.pth', 2, 'before')
    ],
    'second writing with name': [('os.replace', '/epoch_4.pth', 2, 'after')],
    'before the old best is deleted': [
        ('os.remove', '/best_PCK_epoch_1', 1, 'before')
    ],
    'when the old best is deleted': [
        ('os.remove', '/best_PCK_epoch_2', 1, 'after')
    ],
    'optimizer step': [('torch.optim.AdamW.step', '', 10, 'after')],
    'averaged weights': [
        (f'{HOOKS}.EMAHook.after_train_iter', '', 6, 'after')
    ],
    'learning rate': [
        (f'{HOOKS}.ParamSchedulerHook.after_train_epoch', '', 2, 'after')
    ],
    'before the decision to stop': [(STOPPING, '', 5, 'before')],
    'validation, and its repetition': [
        (PROCESS, '', 7, 'after'),
        (PROCESS, '', 1, 'after'),
    ],
    'deletion, and its repetition': [
        ('os.remove', '/best_PCK_epoch_1', 1, 'before'),
        ('os.remove', '/best_PCK_epoch_1', 1, 'before'),
    ],
    'three times': [
        ('torch.save', '/epoch_1.pth', 1, 'half'),
        ('os.replace', '/best_PCK', 1, 'after'),
        (VALIDATE, '', 1, 'before'),
    ],
}


@pytest.fixture(scope='module')
def train():
    with Trainings() as trainings:
        yield trainings


@pytest.fixture(scope='module')
def whole(train, tmp_path_factory):
    """Working directory of a training that was not interrupted."""
    work_dir = tmp_path_factory.mktemp('whole')
    assert train(work_dir) == 0, (work_dir / 'console.txt').read_text()
    return work_dir


def scalars(work_dir):
    """Logged values by step, the latest of each; without clocks."""
    found = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            kind = 'val' if 'PCK' in entry else 'train'
            found[kind, entry['step']] = {
                key: value
                for key, value in entry.items()
                if not key.endswith('time')
            }
    return found


def names(work_dir):
    """Files of checkpoints, whole or not."""
    paths = (*work_dir.glob('*.pth*'), *work_dir.glob('last*'))
    return sorted(path.name for path in paths)


def assert_uninterrupted(work_dir, whole):
    assert names(work_dir) == names(whole)
    for name in [name for name in names(whole) if name.endswith('.pth')]:
        one, other = load(work_dir / name), load(whole / name)
        for key in ('state_dict', 'ema_state_dict', 'optimizer'):
            assert_same(one.get(key), other.get(key), f'{name}: {key}')
        assert one.get('param_schedulers') == other.get('param_schedulers')
        hubs = [part['message_hub'] for part in (one, other)]
        assert_same(*(hub['log_scalars'] for hub in hubs), f'{name}: log')
        infos = [hub['runtime_info'] for hub in hubs]
        for info, folder in zip(infos, (work_dir, whole)):
            for key in ('cfg', 'eta', 'experiment_name'):
                del info[key]
            info.update(
                {k: repr(v).replace(str(folder), '') for k, v in info.items()}
            )
        assert_same(*infos, f'{name}: information')
    assert scalars(work_dir) == scalars(whole)


def test_training_has_what_the_kills_are_about(whole):
    assert names(whole) == [
        'best_PCK_epoch_4.pth',
        'epoch_5.pth',
        'last_checkpoint',
    ]
    last = load(whole / 'epoch_5.pth')
    log = last['message_hub']['log_scalars']
    assert len(log['val/PCK']['log']) == 4
    assert log['val/PCK']['log'][3] != 0.9005  # it depends on the weights
    values = scalars(whole)
    assert [step for kind, step in values if kind == 'val'] == [1, 2, 3, 4, 5]
    assert set(CLOCKS) <= set(log)


@pytest.mark.slow
@pytest.mark.parametrize('faults', KILLS.values(), ids=KILLS)
def test_killed_training_is_resumed_to_the_same(
    faults, train, whole, tmp_path
):
    for number, fault in enumerate(faults):
        assert train(tmp_path, fault, resume=number > 0) == -9
    assert train(tmp_path, resume=True) == 0
    assert_uninterrupted(tmp_path, whole)


ITERATIONS = {
    'train_cfg': dict(
        _delete_=True, by_epoch=False, max_iters=10, val_interval=3
    ),
    'train_dataloader.sampler.type': 'InfiniteSampler',
    'model.noise': False,  # which is not repeated within an epoch
    'default_hooks.checkpoint.by_epoch': False,
    'default_hooks.checkpoint.interval': 3,
    'default_hooks.logger.log_metric_by_epoch': False,
    'log_processor.by_epoch': False,
    'val_evaluator.share': 1.0,
}


@pytest.fixture(scope='module')
def whole_by_iteration(train, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('by_iteration')
    assert train(work_dir, **ITERATIONS) == 0
    steps = [step for kind, step in scalars(work_dir) if kind == 'val']
    assert steps == [3, 6, 9, 10]
    return work_dir


@pytest.mark.parametrize(
    'fault',
    [
        ('torch.save', '/iter_6.pth', 1, 'half'),
        (PROCESS, '', 4, 'after'),
        ('os.replace', '/best_PCK_iter_6', 1, 'after'),
        (VALIDATE, '', 4, 'before'),
    ],
    ids=['checkpoint', 'validation', 'best', 'last validation'],
)
def test_iteration_based_training_is_resumed_to_the_same(
    fault, train, whole_by_iteration, tmp_path
):
    assert train(tmp_path, fault, **ITERATIONS) == -9
    assert train(tmp_path, resume=True, **ITERATIONS) == 0
    assert_uninterrupted(tmp_path, whole_by_iteration)


def test_full_disk_leaves_whole_files_and_one_sentence(train, whole, tmp_path):
    """A limit of the size stands for the end of the disk."""
    assert train(tmp_path, ('torch.save', '/epoch_3.pth', 1, 'full')) == 1
    assert names(tmp_path) == [
        'best_PCK_epoch_2.pth',
        'epoch_2.pth',
        'last_checkpoint',
    ]
    last = (tmp_path / 'console.txt').read_text().splitlines()[-1]
    path = tmp_path / 'epoch_3.pth'
    assert last == f"OSError: [Errno 27] File too large: '{path}'"
    assert train(tmp_path, resume=True) == 0
    assert_uninterrupted(tmp_path, whole)


def test_full_disk_keeps_the_old_best(train, whole, tmp_path):
    assert train(tmp_path, ('torch.save', '/best_PCK', 2, 'full')) == 1
    assert names(tmp_path) == [
        'best_PCK_epoch_1.pth',
        'epoch_2.pth',
        'last_checkpoint',
    ]
    assert train(tmp_path, resume=True) == 0
    assert_uninterrupted(tmp_path, whole)
