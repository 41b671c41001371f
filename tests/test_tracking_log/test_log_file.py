# Copyright (c) cape_mm contributors. All rights reserved.
import json
import math

import pytest
from hand_made_log import make_lines, write_scalars

from cape_mm.tracking_log import read_log

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


def test_the_newest_run_of_a_folder(tmp_path):
    for name, loss in (('20260102_000000', 2.0), ('20260101_000000', 1.0)):
        write_scalars(
            tmp_path / name / 'vis_data' / 'scalars.json', [dict(loss=loss)]
        )
    assert read_log(tmp_path).lines[0].values['loss'] == 2.0


def test_what_is_no_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing.log does not exist'):
        read_log(tmp_path / 'missing.log')
    with pytest.raises(FileNotFoundError, match='needs the LocalVisBackend'):
        read_log(tmp_path)
    for text in ('', 'Traceback', '{"AP": 0.5, "step": 1}'):
        with pytest.raises(ValueError, match='run.log has no training line'):
            read_log(write(tmp_path, text))
