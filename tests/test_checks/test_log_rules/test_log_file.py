# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from support.hand_made_log import make_lines, write_scalars

from cape_mm.checks import read_log

TEXT = (
    '2026/11/21 08:06:34 - mmengine - INFO - Epoch(train)  [1][ 50/250]  '
    'lr: 5.999523e-04  eta: 1 day, 1:05:19  time: 0.463860  '
    'data_time: 0.026293  memory: 1447  grad_norm: 3.576982  loss: 4.709575  '
    'd0.loss_kpt: -1.5  loss_kpt: nan\n'
    '2026/11/21 08:06:57 - mmengine - INFO - Epoch(train)  [1][100/250]  '
    'lr: 1.2e-03  loss: -2.5  n_trk: 1.5\n'
    '2026/11/21 08:08:12 - mmengine - INFO - Epoch(val) [1][13/13]    '
    'AP: 0.88  loss: 7.0\n'
    'loss: 3.0\n'
)


def write(tmp_path, text, name='run.log'):
    path = tmp_path / name
    path.write_text(text)
    return path


def places(log):
    return [(line.epoch, line.iteration) for line in log.lines]


def test_scalars(tmp_path):
    lines = make_lines()
    log = read_log(write_scalars(tmp_path / 'scalars.json', lines))
    assert places(log) == [(1, 50 * i) for i in range(1, 31)]
    assert log.lines[3].values == lines[3]


def test_text(tmp_path):
    log = read_log(write(tmp_path, TEXT))
    assert places(log) == [(1, 50), (1, 100)]
    first = log.lines[0].values
    assert math.isnan(first.pop('loss_kpt'))
    assert first == {
        'lr': 5.999523e-04,
        'time': 0.46386,
        'data_time': 0.026293,
        'memory': 1447,
        'grad_norm': 3.576982,
        'loss': 4.709575,
        'd0.loss_kpt': -1.5,
    }
    assert log.lines[1].values['n_trk'] == 1.5


def test_text_by_iteration(tmp_path):
    log = read_log(write(tmp_path, 'Iter(train) [  50/2000]  loss: 1.0\n'))
    assert places(log) == [(0, 50)]
    assert log.lines[0].place == 'iteration 50'


def test_lines_of_mmcv_1(tmp_path):
    rows = [
        dict(env_info='sys.platform: linux'),
        dict(mode='train', epoch=1, iter=520, lr=1e-5, loss=-21.9),
        dict(mode='val', epoch=1, iter=100, loss=3.0),
        dict(mode='train', epoch=2, iter=40, lr=1e-5, loss=-22.9),
    ]
    log = read_log(write(tmp_path, '\n'.join(map(json.dumps, rows))))
    assert places(log) == [(1, 520), (2, 40)]
    text = (
        '2026-02-18 10:00:00,123 - opera - INFO - Epoch [1][520/1939]\t'
        'lr: 1.000e-05, eta: 1:02:03, time: 0.473, memory: 14473, '
        'n_trk: 1.8500, loss: -21.8843, grad_norm: 61.6262\n'
    )
    (line,) = read_log(write(tmp_path, text)).lines
    assert line.values == dict(
        lr=1e-5,
        time=0.473,
        memory=14473,
        n_trk=1.85,
        loss=-21.8843,
        grad_norm=61.6262,
    )


def test_a_resumed_run_repeats_places_and_a_killed_one_ends_in_the_middle(
    tmp_path,
):
    rows = [
        dict(epoch=1, iter=50, loss=1.0),
        dict(epoch=1, iter=100, loss=2.0),
        dict(epoch=1, iter=100, loss=3.0),
    ]
    text = '\n'.join(map(json.dumps, rows)) + '\n{"epoch": 1, "it'
    log = read_log(write(tmp_path, text))
    assert [line.values['loss'] for line in log.lines] == [1.0, 3.0]


def write_run(training, day, losses, before=0):
    lines = [dict(loss=loss) for loss in losses]
    path = training / f'2026010{day}_000000' / 'vis_data' / 'scalars.json'
    return write_scalars(path, lines, before=before)


def losses_of(log):
    return [(line.iteration, line.values['loss']) for line in log.lines]


def test_runs_of_a_training_are_joined(tmp_path):
    second = write_run(tmp_path, 2, [7.0, 8.0], before=100)
    first = write_run(tmp_path, 1, [1.0, 2.0, 3.0])
    log = read_log(tmp_path)
    # the later run wins where both have a line
    assert losses_of(log) == [(50, 1.0), (100, 2.0), (150, 7.0), (200, 8.0)]
    assert log.path == tmp_path and log.files == (first, second)
    # a run alone is what it was
    alone = read_log(second.parent.parent)
    assert losses_of(alone) == [(150, 7.0), (200, 8.0)]
    assert alone.path == second


def test_a_run_that_begins_anew_replaces_earlier_ones(tmp_path):
    write_run(tmp_path, 1, [1.0, 2.0, 3.0])
    newest = write_run(tmp_path, 2, [5.0, 6.0])
    # a test, whose log has no losses, does not
    test = write_run(tmp_path, 3, [])
    log = read_log(tmp_path)
    assert losses_of(log) == [(50, 5.0), (100, 6.0)]
    assert log.path == newest and test not in log.files


def test_of_several_trainings_the_newest_is_read(tmp_path, monkeypatch):
    write_run(tmp_path / 'a', 3, [9.0], before=50)
    write_run(tmp_path / 'a', 1, [1.0])
    write_run(tmp_path / 'b', 2, [5.0, 6.0])
    assert losses_of(read_log(tmp_path)) == [(50, 1.0), (100, 9.0)]
    monkeypatch.chdir(tmp_path / 'b' / '20260102_000000')
    assert losses_of(read_log(Path('.'))) == [(50, 5.0), (100, 6.0)]


@pytest.mark.parametrize(
    'row, message',
    [
        ('5', 'line 2 is no entry of a training log.*: 5$'),
        ('[{"loss": 1.0}]', r'line 2 is no entry .*: \[{"loss": 1.0}\]$'),
        ('{"loss": 1.0, "iter": "x"}', "line 2: iter is 'x', must be a whole"),
        ('{"loss": 1.0, "step": NaN}', 'line 2: step is nan, must be a whole'),
        ('{"loss": 1.0, "epoch": null}', 'line 2: epoch is None, must be a'),
    ],
)
def test_what_is_no_entry_is_named_with_its_line(tmp_path, row, message):
    text = f'{{"loss": 1.0, "iter": 1}}\n{row}'
    with pytest.raises(ValueError, match=f'run.log, {message}'):
        read_log(write(tmp_path, text))


def test_what_is_no_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing.log does not exist'):
        read_log(tmp_path / 'missing.log')
    with pytest.raises(FileNotFoundError, match='needs the LocalVisBackend'):
        read_log(tmp_path)
    for text in ('', 'Traceback', '{"AP": 0.5, "step": 1}'):
        with pytest.raises(ValueError, match='run.log has no training line'):
            read_log(write(tmp_path, text))
