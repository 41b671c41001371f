# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
import pickle
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn

from cape_mm.engine.checkpoint_loading import (
    ALLOW_HTTP,
    OPT_IN,
    check_checkpoint_is_safe,
    load_plain_file,
    local_checkpoints,
    refuse_nonfinite_weights,
)
from cape_mm.errors import UnsafeCheckpointError, UnsuitableCheckpointError


class _Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(autouse=True)
def _no_opt_in(monkeypatch):
    monkeypatch.delenv(OPT_IN, raising=False)


def _write(kind, content, path):
    if kind == 'zip':
        torch.save(content, path)
    elif kind == 'legacy':
        torch.save(content, path, _use_new_zipfile_serialization=False)
    elif kind == 'pickle':
        path.write_bytes(pickle.dumps(content))
    elif kind == 'tar':
        (path.parent / 'storages').write_bytes(pickle.dumps(content))
        with tarfile.open(path, 'w') as tar:
            tar.add(path.parent / 'storages', 'storages')


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'pickle', 'tar'])
def test_malicious_file_is_refused_and_not_run(kind, tmp_path):
    target = tmp_path / 'touched'
    path = tmp_path / 'evil.pth'
    _write(kind, dict(state_dict={}, meta=_Touch(target)), path)
    with pytest.raises(UnsafeCheckpointError, match=OPT_IN) as error:
        check_checkpoint_is_safe(str(path))
    assert 'evil.pth' in str(error.value)
    assert '\n' not in str(error.value)
    assert not target.exists()


@pytest.mark.parametrize('kind', ['zip', 'legacy'])
def test_plain_file_is_accepted(kind, tmp_path):
    path = tmp_path / 'good.pth'
    _write(kind, dict(state_dict=dict(w=torch.ones(2)), n=1), path)
    check_checkpoint_is_safe(str(path))


def test_damaged_file_is_refused(tmp_path):
    path = tmp_path / 'cut.pth'
    torch.save(dict(w=torch.ones(1000)), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UnsafeCheckpointError, match='damaged'):
        check_checkpoint_is_safe(str(path))


def test_a_full_gpu_is_not_called_a_damaged_file(tmp_path, monkeypatch):
    path = tmp_path / 'good.pth'
    torch.save({}, path)

    def load(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory')

    monkeypatch.setattr(torch, 'load', load)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        load_plain_file(str(path), 'cuda')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        check_checkpoint_is_safe(str(tmp_path / 'nowhere.pth'))


def test_opt_in_accepts_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv(OPT_IN, '1')
    path = tmp_path / 'mine.pth'
    torch.save(dict(meta=_Touch(tmp_path / 'touched')), path)
    with pytest.warns(UserWarning, match='may run code'):
        check_checkpoint_is_safe(str(path))


def test_what_is_trusted_must_hold_weights_too(tmp_path, monkeypatch):
    monkeypatch.setenv(OPT_IN, '1')
    path = tmp_path / 'module.pth'
    torch.save(torch.nn.Linear(1, 1), path)
    not_a_dict = pytest.raises(UnsuitableCheckpointError, match='a Linear')
    with pytest.warns(UserWarning, match='may run code'), not_a_dict:
        load_plain_file(str(path))


def test_name_of_a_known_model_is_checked_when_it_is_loaded():
    check_checkpoint_is_safe('torchvision://resnet50')


def test_all_local_checkpoints_of_a_config_are_found():
    cfg = Config(
        dict(
            load_from='a.pth',
            model=dict(
                backbone=dict(
                    init_cfg=[dict(type='Pretrained', checkpoint='b.pth')]
                ),
                neck=dict(
                    init_cfg=dict(
                        type='Pretrained', checkpoint='torchvision://c'
                    )
                ),
            ),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook')),
        )
    )
    assert sorted(local_checkpoints(cfg)) == ['a.pth', 'b.pth']


@pytest.fixture
def server(tmp_path, monkeypatch):
    """URL of a loopback server of ``tmp_path / 'served'``."""
    folder = tmp_path / 'served'
    folder.mkdir()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_address[1]}'
    server.shutdown()


_ENTRIES = {
    'check': check_checkpoint_is_safe,
    'load_from, --resume': CheckpointLoader.load_checkpoint,
    'init_cfg, teacher': lambda url: load_checkpoint(nn.Linear(1, 1), url),
}


@pytest.mark.parametrize('entry', _ENTRIES.values(), ids=_ENTRIES)
def test_malicious_download_is_refused_and_not_run(
    entry, server, tmp_path, monkeypatch
):
    monkeypatch.setenv(ALLOW_HTTP, '1')
    target = tmp_path / 'touched'
    torch.save(dict(state_dict=_Touch(target)), tmp_path / 'served/evil.pth')
    with pytest.raises(UnsafeCheckpointError, match='evil.pth'):
        entry(f'{server}/evil.pth')
    assert not target.exists()


@pytest.mark.parametrize('entry', _ENTRIES.values(), ids=_ENTRIES)
def test_unencrypted_download_needs_consent(entry, server, monkeypatch):
    monkeypatch.delenv(ALLOW_HTTP, raising=False)
    with pytest.raises(UnsafeCheckpointError, match=f'https.*{ALLOW_HTTP}'):
        entry(f'{server}/weights.pth')


def test_models_by_name_are_read_in_the_same_way(
    server, tmp_path, monkeypatch
):
    # MMEngine adds the names of this file to those it knows
    monkeypatch.setenv(ALLOW_HTTP, '1')
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text(
        json.dumps(
            dict(
                mine='mine.pth',
                evil='evil.pth',
                far=f'{server}/far.pth',
            )
        )
    )
    target = tmp_path / 'touched'
    torch.save(dict(weight=1), tmp_path / 'mine.pth')
    torch.save(dict(state_dict=_Touch(target)), tmp_path / 'evil.pth')
    torch.save(dict(weight=2), tmp_path / 'served' / 'far.pth')
    load = CheckpointLoader.load_checkpoint
    assert load('open-mmlab://mine') == dict(weight=1)
    assert load('openmmlab://far') == dict(weight=2)
    with pytest.raises(UnsafeCheckpointError, match='evil.pth'):
        load('open-mmlab://evil')
    assert not target.exists()
    with pytest.raises(UnsuitableCheckpointError, match='no model of this'):
        load('torchvision://none')


def test_same_name_of_two_servers_is_two_files(server, tmp_path, monkeypatch):
    monkeypatch.setenv(ALLOW_HTTP, '1')
    for name, value in (('a', 1.0), ('b', 2.0)):
        (tmp_path / 'served' / name).mkdir()
        path = tmp_path / 'served' / name / 'epoch_1.pth'
        torch.save(dict(weight=torch.tensor(value)), path)
    load = CheckpointLoader.load_checkpoint
    for name, value in (('a', 1.0), ('b', 2.0), ('a', 1.0)):
        assert load(f'{server}/{name}/epoch_1.pth')['weight'] == value


def test_failed_download_is_one_sentence(server, monkeypatch):
    monkeypatch.setenv(ALLOW_HTTP, '1')
    with pytest.raises(UnsuitableCheckpointError, match='cannot be download'):
        check_checkpoint_is_safe(f'{server}/none.pth')


@pytest.mark.parametrize('url', ['s3://a/b.pth', 'pavi://x', 'ftp://a/b'])
def test_storage_that_cannot_be_checked_is_refused(url):
    with pytest.raises(UnsafeCheckpointError, match='download it'):
        check_checkpoint_is_safe(url)


def _message_hub():
    """What MMEngine stores of its message hub."""
    hub = MessageHub('test_checkpoint_loading')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/loss', np.float32(0.25).item())
    hub.update_info('epoch', 3)
    state = hub.state_dict()
    # as the first releases of MMEngine, whose buffers hold their methods
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer._statistics_methods = dict(HistoryBuffer._statistics_methods)
    state['early'] = buffer
    return state


@pytest.mark.skipif(
    not hasattr(torch.serialization, 'safe_globals'), reason='PyTorch < 2.5'
)
@pytest.mark.parametrize('through', ['file', 'MMEngine'])
def test_honest_checkpoint_of_mmengine_is_loaded(through, tmp_path):
    path = tmp_path / 'epoch_3.pth'
    content = dict(
        meta=dict(epoch=3, iter=np.int64(7), best_score=np.float64(0.5)),
        state_dict=dict(weight=torch.ones(2)),
        message_hub=_message_hub(),
        array=np.arange(3),
        mask=np.array([True, False]),
        names=np.array(['a', 'b']),
    )
    torch.save(content, path)
    if through == 'file':
        back = load_plain_file(str(path))
    else:
        back = CheckpointLoader.load_checkpoint(str(path))
    assert back['meta'] == dict(epoch=3, iter=7, best_score=0.5)
    assert back['message_hub']['log_scalars']['train/loss'].mean() == 0.375
    assert back['message_hub']['early'].statistics('mean') == 1.5
    assert back['array'].tolist() == [0, 1, 2]
    assert back['names'].tolist() == ['a', 'b']


class _Attribute:
    """Asks for an attribute when it is unpickled."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return getattr, self.args


@pytest.mark.parametrize(
    'twin',
    [
        _Attribute(HistoryBuffer, '__init__'),
        _Attribute(HistoryBuffer, '__globals__'),
        _Attribute(np.ndarray, 'tofile'),
        _Attribute(_Attribute(HistoryBuffer, 'mean'), '__globals__'),
    ],
)
def test_malicious_twin_of_an_honest_checkpoint_is_refused(twin, tmp_path):
    path = tmp_path / 'epoch_3.pth'
    hub = _message_hub()
    hub['log_scalars']['train/loss'] = twin
    torch.save(dict(state_dict={}, message_hub=hub), path)
    with pytest.raises(UnsafeCheckpointError, match='epoch_3.pth'):
        load_plain_file(str(path))


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_named(value):
    weights = dict(a=torch.ones(2), b=torch.tensor([1.0, value]))
    with pytest.raises(UnsuitableCheckpointError, match="1 of 2.*'x.pth'.* b"):
        refuse_nonfinite_weights(weights, 'x.pth')
    refuse_nonfinite_weights(dict(a=torch.ones(2), n=torch.tensor(1)), 'x')
