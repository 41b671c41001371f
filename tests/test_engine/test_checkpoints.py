# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import io
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from cape_mm.engine.checkpoints import (
    NotPlainError,
    from_plain,
    to_plain,
)


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
