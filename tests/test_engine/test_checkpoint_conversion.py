# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
import torch
from support.official_checkpoints import BACKBONES, PARTS

from cape_mm.engine.checkpoint_conversion import (
    METHODS,
    convert_names,
    graph_variant,
    read_official_state,
    recognize_method,
)
from cape_mm.engine.checkpoint_names import NameMap, UnknownNameError
from cape_mm.errors import UnsuitableCheckpointError

NAMES = NameMap(
    rules=((r'(?:one|two)\.', 'both.'), (r'conv\.', 'linear.')),
    unused=((r'dead\.', 'never used'),),
)
STATE = {
    'one.w': torch.arange(3.0),
    'two.w': torch.arange(3.0),
    'conv.w': torch.arange(6.0).view(3, 2, 1),
    'dead.w': torch.zeros(5),
}
TARGET = {
    'both.w': torch.zeros(3),
    'linear.w': torch.zeros(3, 2),
    'norm.num_batches_tracked': torch.tensor(0),
}


def keys_of(folder, method: str) -> dict[str, torch.Tensor]:
    """Official names of a method; the values are all ones."""
    layouts = json.loads((folder / 'official_keys.json').read_text('utf-8'))
    head, backbone, prefixes = PARTS[method]
    names = [layouts[head]['prefix'] + name for name in layouts[head]['keys']]
    for prefix in prefixes:
        names += [prefix + name for name in layouts[backbone]['keys']]
    zero = 'stage1' in method
    return {
        name: torch.zeros(1) if zero and 'zero_conv' in name else torch.ones(1)
        for name in names
    }


@pytest.mark.parametrize('method', sorted(PARTS))
def test_every_method_is_known_by_its_names(peer_parity, method):
    state = keys_of(peer_parity, method)
    assert recognize_method(state, None) == method
    family = method.rpartition('-')[0] or method
    assert recognize_method(state, family) == method
    other = 'pomnet' if method != 'pomnet' else 'scape'
    with pytest.raises(UnsuitableCheckpointError, match='not of'):
        recognize_method(state, other)


@pytest.mark.parametrize('prefix', ['', 'encoder.'])
@pytest.mark.parametrize('name', sorted(BACKBONES))
def test_every_backbone_is_known_by_its_names(peer_parity, name, prefix):
    layouts = json.loads((peer_parity / 'official_keys.json').read_text())
    keys = layouts[BACKBONES[name]]['keys']
    state = {prefix + key: torch.ones(1) for key in keys}
    if prefix and name == 'dinov2-s':
        with pytest.raises(UnsuitableCheckpointError, match='none of the'):
            recognize_method(state, None)
        return
    assert recognize_method(state, None) == name
    assert recognize_method(state, name.rpartition('-')[0]) == name
    with pytest.raises(UnsuitableCheckpointError, match='not of'):
        recognize_method(state, 'graphcape')
    if not prefix:
        assert METHODS[name].name_map.group(state)


def test_the_first_swin_transformer_is_not_taken_for_the_second():
    name = 'layers.0.blocks.0.attn.relative_position_bias_table'
    with pytest.raises(UnsuitableCheckpointError, match='none of the known'):
        recognize_method({name: torch.ones(1)}, None)


@pytest.mark.parametrize('method', sorted(PARTS))
def test_every_official_name_has_a_rule(peer_parity, method):
    try:
        names = METHODS[method].name_map
    except ImportError as error:
        pytest.skip(str(error))
    assert names.group(keys_of(peer_parity, method))


def test_every_name_is_accounted_for():
    result = convert_names(STATE, NAMES, TARGET)
    assert set(result.state_dict) == set(TARGET)
    assert result.state_dict['linear.w'].equal(torch.arange(6.0).view(3, 2))
    assert result.copies == ['two.w']
    assert result.unused == {'dead.w': 'never used'}
    assert result.converted == 2


def test_unknown_names_are_errors():
    with pytest.raises(UnknownNameError, match='other.w'):
        convert_names({**STATE, 'other.w': torch.ones(1)}, NAMES, TARGET)


def test_copies_that_differ_are_errors():
    changed = {**STATE, 'two.w': torch.zeros(3)}
    with pytest.raises(UnsuitableCheckpointError, match='one.w and two.w'):
        convert_names(changed, NAMES, TARGET)


def test_missing_and_surplus_parameters_are_errors():
    target = {**TARGET, 'more.w': torch.zeros(1)}
    with pytest.raises(UnsuitableCheckpointError, match='more.w'):
        convert_names(STATE, NAMES, target)
    target = {name: TARGET[name] for name in ('both.w',)}
    with pytest.raises(UnsuitableCheckpointError, match='linear.w'):
        convert_names(STATE, NAMES, target)


def test_shapes_that_do_not_fit_are_errors():
    target = {**TARGET, 'linear.w': torch.zeros(2, 3)}
    with pytest.raises(UnsuitableCheckpointError, match=r'\(3, 2, 1\)'):
        convert_names(STATE, NAMES, target)


def test_the_prefix_of_distributed_training_is_removed():
    content = dict(state_dict={'module.a': torch.ones(1)}, optimizer={})
    assert list(read_official_state(content, 'x.pth')) == ['a']
    assert list(read_official_state({'b': torch.ones(1)}, 'x.pth')) == ['b']
    content = dict(model={'c': torch.ones(1)}, epoch=3)
    assert list(read_official_state(content, 'x.pth')) == ['c']


@pytest.mark.parametrize(
    'convolutions, expected',
    [((), None), ((1,), 'pre'), ((2,), 'post'), ((1, 2), 'both')],
)
def test_the_place_of_graph_convolutions_is_found(convolutions, expected):
    start = 'keypoint_head.transformer.decoder.layers.0.ffn'
    state = {
        f'{start}{i}{".conv" if i in convolutions else ""}.weight': None
        for i in (1, 2)
    }
    assert graph_variant(state) == expected
