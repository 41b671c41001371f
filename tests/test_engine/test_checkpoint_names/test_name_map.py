# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch

from cape_mm.engine.checkpoint_names import (
    NameMap,
    UnknownNameError,
    join_parts,
)
from cape_mm.errors import UnsuitableCheckpointError

NAMES = NameMap(
    rules=((r'enc\.(\d+)\.fc\.', r'layers.\1.linear.'), (r'enc\.', 'rest.')),
    unused=((r'head\.', 'a classifier'),),
)


def test_the_first_rule_counts_and_the_rest_of_the_name_is_kept():
    assert NAMES.rename('enc.12.fc.weight') == 'layers.12.linear.weight'
    assert NAMES.rename('enc.norm.bias') == 'rest.norm.bias'


def test_rules_match_the_beginning_of_a_name_only():
    with pytest.raises(UnknownNameError, match='my.enc.norm'):
        NAMES.rename('my.enc.norm')


def test_unused_names_have_a_reason():
    assert NAMES.rename('head.bias') is None
    assert NAMES.reason('head.bias') == 'a classifier'
    assert NAMES.reason('enc.norm.bias') is None


def test_a_prefix_goes_before_all_rules():
    names = NAMES.with_prefix('a.b.', 'c.')
    assert names.rename('a.b.enc.1.fc.bias') == 'c.layers.1.linear.bias'
    assert names.reason('a.b.head.bias') == 'a classifier'
    with pytest.raises(UnknownNameError):
        names.rename('axb.enc.1.fc.bias')


def test_the_first_of_two_maps_goes_first():
    other = NameMap(((r'enc\.', 'other.'), (r'dec\.', 'd.')))
    assert (NAMES + other).rename('enc.norm') == 'rest.norm'
    assert (NAMES + other).rename('dec.norm') == 'd.norm'


def test_copies_are_grouped():
    names = NameMap(((r'(?:one|two)\.', 'x.'),), ((r'old\.', 'dead'),))
    assert names.group(['one.a', 'two.a', 'old.b']) == {
        'x.a': ['one.a', 'two.a']
    }


def test_all_unknown_names_are_reported_at_once():
    with pytest.raises(UnknownNameError, match='7 parameters.*n0.*2 more'):
        NAMES.group([f'n{i}' for i in range(7)])


def test_parts_of_a_tensor_are_joined_in_their_order():
    parts = {'w[1/2]': torch.tensor([2.0]), 'w[0/2]': torch.tensor([1.0])}
    joined = join_parts({**parts, 'x': torch.tensor([3.0])})
    assert joined['w'].tolist() == [1, 2]
    assert joined['x'].tolist() == [3] and len(joined) == 2


def test_a_missing_part_is_refused_or_zero():
    with pytest.raises(UnsuitableCheckpointError, match='w: 1 of 3 parts'):
        join_parts({f'w[{i}/3]': torch.ones(1) for i in (0, 2)})
    joined = join_parts({f'w[{i}/3~]': torch.ones(1) for i in (0, 2)})
    assert joined['w'].tolist() == [1, 0, 1]
