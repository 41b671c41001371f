# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest
import torch

from cape_mm.structures import TrackQueryState

C, K = 4, 3


def make_state(counts, places, seed=0, with_position=True):
    """Random queries; clip i has ``counts[i]`` at the front."""
    generator = torch.Generator().manual_seed(seed)
    batch = len(counts)
    valid = torch.arange(places) < torch.tensor(counts)[:, None]

    def draw(*shape):
        value = torch.rand(batch, places, *shape, generator=generator)
        return value * valid.view(batch, places, *(1,) * len(shape))

    ids = torch.arange(batch * places).view(batch, places)
    return TrackQueryState(
        content=draw(C),
        reference=draw(K, 2),
        track_ids=ids.masked_fill(~valid, -1),
        valid=valid,
        position=draw(C) if with_position else None,
    )


def assert_equal(first, second):
    for field in fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert (one is None) == (other is None), field.name
        if one is not None:
            assert one.dtype == other.dtype
            assert torch.equal(one, other), field.name


def one_clip(state, number):
    """One clip of a batch, without padding."""
    values = {
        field.name: value[number : number + 1]
        for field in fields(state)
        if (value := getattr(state, field.name)) is not None
    }
    clip = TrackQueryState(**values)
    return clip.select(clip.valid)


def test_it_is_empty_at_first():
    state = TrackQueryState.empty(2, C, K, dtype=torch.float16)
    assert state.num_queries == 0
    assert state.content.shape == (2, 0, C)
    assert state.reference.shape == (2, 0, K, 2)
    assert state.content.dtype == torch.float16
    assert state.track_ids.dtype == torch.int64
    assert state.valid.dtype == torch.bool
    assert state.position is None
    assert_equal(state.select(state.valid), state)


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        make_state([1], 1).valid = None


@pytest.mark.parametrize('with_position', [True, False])
def test_a_batch_of_two_is_two_batches_of_one(with_position):
    batch = make_state([3, 1], 3, with_position=with_position)
    clips = [one_clip(batch, 0), one_clip(batch, 1)]
    assert [clip.num_queries for clip in clips] == [3, 1]

    keep = torch.tensor([[True, False, True], [True, True, True]])
    both = batch.select(keep)
    alone = [clips[0].select(keep[:1]), clips[1].select(keep[1:, :1])]
    assert both.valid.tolist() == [[True, True], [True, False]]
    assert_equal(one_clip(both, 0), alone[0])
    assert_equal(one_clip(both, 1), alone[1])


def test_selected_queries_move_to_the_front_in_order():
    state = make_state([4], 4)
    chosen = state.select(torch.tensor([[False, True, False, True]]))
    assert chosen.track_ids.tolist() == [[1, 3]]
    assert torch.equal(chosen.content, state.content[:, [1, 3]])
    assert torch.equal(chosen.reference, state.reference[:, [1, 3]])


@pytest.mark.parametrize('with_position', [True, False])
def test_queries_of_the_same_clips_are_appended(with_position):
    state = make_state([3], 3, with_position=with_position)
    parts = [
        state.select(torch.tensor([keep]))
        for keep in ([True, True, False], [False, False, True])
    ]
    assert_equal(parts[0].extend(parts[1]), state)


def test_padding_is_never_selected_and_holds_nothing():
    state = make_state([2, 1], 3)
    chosen = state.select(torch.ones(2, 3, dtype=torch.bool))
    assert chosen.valid.tolist() == [[True, True], [True, False]]
    assert chosen.track_ids[1, 1] == -1
    assert not chosen.content[1, 1].any()
    assert not chosen.reference[1, 1].any()
    nothing = state.select(torch.zeros(2, 3, dtype=torch.bool))
    assert nothing.num_queries == 0


def test_values_in_dropped_places_cannot_leak():
    state = make_state([2, 2], 2)
    state.content[1, 1] = float('nan')
    keep = torch.tensor([[True, True], [True, False]])
    assert state.select(keep).content.isfinite().all()
