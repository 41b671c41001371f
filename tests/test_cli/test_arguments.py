# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from torch._utils import ExceptionWrapper

from cape_mm.cli.arguments import one_line_errors
from cape_mm.errors import DataError, UnsuitableCheckpointError, UsageError

USER_ERRORS = (
    *(DataError, UsageError, UnsuitableCheckpointError),
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


def test_a_stopped_training_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    with pytest.raises(SystemExit) as end, one_line_errors('; use --resume'):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == 'train.py: stopped; use --resume\n'
