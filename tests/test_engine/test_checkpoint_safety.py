# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import pickle
import tarfile

import pytest
import torch
from mmengine.config import Config

from cape_mm.engine.checkpoint_safety import (
    OPT_IN,
    UnsafeCheckpointError,
    check_checkpoint_is_safe,
    local_checkpoints,
)


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


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        check_checkpoint_is_safe(str(tmp_path / 'nowhere.pth'))


def test_opt_in_accepts_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv(OPT_IN, '1')
    path = tmp_path / 'mine.pth'
    torch.save(dict(meta=_Touch(tmp_path / 'touched')), path)
    with pytest.warns(UserWarning, match='may run code'):
        check_checkpoint_is_safe(str(path))


def test_url_is_left_to_mmengine():
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
