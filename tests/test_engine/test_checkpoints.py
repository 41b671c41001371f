# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import io
import os
import pickle
import tarfile
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from cape_mm.engine.checkpoints import (
    OPT_IN,
    NotPlainError,
    check_checkpoint_is_safe,
    from_plain,
    local_checkpoints,
    to_plain,
)
from cape_mm.errors import UnsafeCheckpointError


def _through_file(value):
    file = io.BytesIO()
    torch.save(to_plain(value), file)
    file.seek(0)
    return from_plain(torch.load(file, weights_only=True))


@pytest.mark.parametrize(
    'value',
    [
        None,
        True,
        3,
        2**40,
        -0.5,
        'text',
        b'\x00\xff',
        {1, 2},
        Counter([1, 3, 3]),
        [1, (2, 'x'), {'a': [None]}],
        {1: 'a', (2, 3): 'b'},
    ],
)
def test_value_survives_restricted_loading(value):
    back = _through_file(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    'array',
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([True, False]),
        np.array([1, 2**15 + 1], dtype=np.uint16),
        np.array(['nose', 'tail']),
        np.zeros((0, 3)),
    ],
)
def test_array_survives_restricted_loading(array):
    back = _through_file(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_history_survives_restricted_loading():
    history = HistoryBuffer([1.0, 2.5], [1, 3], max_length=7)
    back = _through_file({'loss': history})['loss']
    assert isinstance(back, HistoryBuffer)
    assert back.mean() == history.mean()
    assert back.max_length == 7
    back.update(4.0)
    assert len(history.data[0]) == 2


def test_subclasses_become_the_plain_types():
    value = OrderedDict(a=np.float64(0.5), b=Path('x'), c=torch.Size([2]))
    back = _through_file(value)
    assert back == dict(a=0.5, b='x', c=(2,))
    assert type(back) is dict
    assert type(back['a']) is float


def test_entry_without_plain_form_is_left_out_and_named():
    dropped = []
    value = dict(keep=1, outer=dict(bad=[object()], good=2))
    assert to_plain(value, dropped, 'meta') == dict(keep=1, outer=dict(good=2))
    assert dropped == ['meta.outer.bad[0] (object)']


def test_value_without_plain_form_raises_where_nothing_may_be_dropped():
    with pytest.raises(NotPlainError, match='object'):
        to_plain(dict(bad=object()))


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
