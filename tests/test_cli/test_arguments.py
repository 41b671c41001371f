# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import errno
from argparse import ArgumentTypeError
from types import SimpleNamespace

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch._utils import ExceptionWrapper

from cape_mm.cli.arguments import (
    amount,
    natural,
    one_line_errors,
    positive,
    share,
)
from cape_mm.engine.checkpoints import write_checkpoint
from cape_mm.errors import (
    DataError,
    MissingPackageError,
    UnsuitableCheckpointError,
    UsageError,
)

USER_ERRORS = (
    *(DataError, UsageError, UnsuitableCheckpointError, MissingPackageError),
    *(FileNotFoundError, FileExistsError),
)


def message_of(error, monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    with pytest.raises(SystemExit) as end, one_line_errors():
        raise error
    return end.value.code


@pytest.mark.parametrize('kind', USER_ERRORS)
def test_the_message_alone_is_printed(kind, monkeypatch):
    text = 'a.json has no list:\n  images'
    assert message_of(kind(text), monkeypatch) == f'train.py: error: {text}'


def test_a_worker_of_the_data_loader_shows_the_same(monkeypatch):
    text = 'no usable instance:\n  cat.png'
    try:
        raise DataError(text)
    except DataError:
        wrapper = ExceptionWrapper(where='in DataLoader worker process 0')
    with pytest.raises(DataError, match='Traceback') as error:
        wrapper.reraise()
    assert message_of(error.value, monkeypatch) == f'train.py: error: {text}'


@pytest.mark.parametrize('kind', [ValueError, IndexError, RuntimeError])
def test_a_bug_keeps_its_traceback(kind):
    with pytest.raises(kind, match='a bug'), one_line_errors():
        raise kind('a bug')


def test_a_bug_in_a_hook_keeps_its_traceback():
    """MMEngine raises a TypeError of a hook again, without its traceback."""

    class Broken(Hook):
        def before_run(self, runner):
            message_of(x=1)

    runner = SimpleNamespace(_hooks=[Broken()])
    with pytest.raises(TypeError, match="'x' in <"), one_line_errors():
        Runner.call_hook(runner, 'before_run')


def test_a_stopped_training_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    with pytest.raises(SystemExit) as end, one_line_errors('; use --resume'):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == 'train.py: stopped; use --resume\n'


@pytest.mark.parametrize(
    'number, remedy',
    [
        (errno.ENOSPC, 'free some space, or choose another place'),
        (errno.EROFS, 'choose another place'),
        (errno.EACCES, 'change its permissions, or choose another place'),
    ],
)
def test_what_the_system_refuses_has_a_remedy(number, remedy, monkeypatch):
    text = message_of(OSError(number, 'It failed', 'a.json'), monkeypatch)
    assert text == f"train.py: error: 'a.json': It failed: {remedy}"


def test_file_that_was_being_written_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    expected = pytest.raises(SystemExit, match="a.json': No space")
    path = tmp_path / 'a.json'
    with expected, one_line_errors(), path.open('w') as file:
        assert file.writable()
        raise OSError(errno.ENOSPC, 'No space left on device')


@pytest.mark.parametrize(
    'number, remedy',
    [(errno.ENOSPC, 'free some space'), (errno.EACCES, 'change its perm')],
)
def test_checkpoint_on_a_full_disk_is_one_sentence(
    number, remedy, monkeypatch, tmp_path
):
    """PyTorch hides what the system says."""

    def fail(checkpoint, file):
        try:
            raise OSError(number, 'It failed')
        finally:
            raise RuntimeError('PytorchStreamWriter failed writing data/0')

    path = tmp_path / 'a.pth'
    monkeypatch.setattr('torch.save', fail)
    with pytest.raises(OSError) as error:
        write_checkpoint({}, path)
    text = message_of(error.value, monkeypatch)
    assert text.startswith(f"train.py: error: '{path}': It failed: {remedy}")


def test_an_error_without_a_reason_is_kept(monkeypatch, tmp_path):
    def fail(checkpoint, file):
        raise OSError('the stream is closed')

    monkeypatch.setattr('torch.save', fail)
    with pytest.raises(OSError, match='^the stream is closed$'):
        write_checkpoint({}, tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'kind, text, limits',
    [
        (positive, '10000000000000000', 'from 1 to 1e+15'),
        (natural, '-1', 'from 0 to 1e+15'),
        (amount, 'inf', 'from 1e-15 to 1e+15'),
        (amount, 'nan', 'from 1e-15 to 1e+15'),
        (amount, '0', 'from 1e-15 to 1e+15'),
        (share, '2', 'from 0 to 1'),
    ],
)
def test_the_limits_of_a_number_are_named(kind, text, limits):
    with pytest.raises(ArgumentTypeError) as error:
        kind(text)
    assert str(error.value) == f'is {text}, must be {limits}'


@pytest.mark.parametrize('dev_mode', [True, False])
def test_developers_get_the_traceback(dev_mode, monkeypatch):
    monkeypatch.setattr('sys.flags', SimpleNamespace(dev_mode=dev_mode))
    kind = DataError if dev_mode else SystemExit
    with pytest.raises(kind), one_line_errors():
        raise DataError('a.json has no list')
