# Copyright (c) cape_mm contributors. All rights reserved.
"""Batches, windows and frames of PAVENet."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support.tiny_pavenet import (
    C,
    K,
    build_model,
    collate,
    make_clip,
    run_loss,
)
from torch.nn.utils.rnn import pad_sequence

from cape_mm.models.task_modules import TRACK_DIAGNOSTICS
from cape_mm.structures import TrackQueryState


def make_state(model, counts):
    torch.manual_seed(5)
    states = [
        TrackQueryState(
            content=torch.randn(1, count, C),
            reference=torch.rand(1, count, K, 2),
            track_ids=torch.arange(count)[None],
            valid=torch.ones(1, count, dtype=torch.bool),
        )
        for count in counts
    ]
    return states


def join_clips(states):
    """A batch of the clips, with padding at the end of shorter ones."""
    names = ('content', 'reference', 'track_ids', 'valid')
    return TrackQueryState(
        **{
            name: pad_sequence(
                [getattr(state, name)[0] for state in states],
                batch_first=True,
                padding_value=-1 if name == 'track_ids' else 0,
            )
            for name in names
        }
    )


def test_a_position_states_where_a_track_was():
    model = build_model().eval()
    data = model.data_preprocessor(collate(make_clip(0, 1)))
    (state,) = make_state(model, (2,))
    plain = decode(model, data, state).poses
    nowhere = replace(state, position=torch.zeros_like(state.content))
    assert torch.equal(decode(model, data, nowhere).poses, plain)
    somewhere = replace(state, position=torch.ones_like(state.content))
    assert not torch.allclose(decode(model, data, somewhere).poses, plain)


def decode(model, data, state):
    memory = model.encode(data['inputs'])
    window = memory.gather(data['inputs']['frame_index'][:, 0])
    return model.head.predict(window, model.head(window), state)


def test_a_batch_of_two_is_two_batches_of_one():
    model = build_model().eval()
    # With another number of tracks.
    clips = [make_clip(0, 1), make_clip(1, 1, video='b')]
    states = make_state(model, (3, 1))
    data = model.data_preprocessor(collate(*clips))
    both = decode(model, data, join_clips(states))
    for number, (clip, state) in enumerate(zip(clips, states)):
        data = model.data_preprocessor(collate(clip))
        one = decode(model, data, state)
        tracks = state.num_queries
        places = [*range(tracks), *range(3, both.logits.shape[1])]
        for name in ('poses', 'logits', 'sigma', 'visibility', 'content'):
            assert torch.allclose(
                getattr(both, name)[number, places],
                getattr(one, name)[0],
                atol=1e-4,
            ), name


def test_the_loss_of_a_batch_comes_from_both_clips():
    model = build_model(seed=1)
    clips = [make_clip(0), make_clip(1)]
    parts = [run_loss(model, collate(clip))[1] for clip in clips]
    both = run_loss(model, collate(*clips))[1]
    # Both clips have as many visible keypoints and persons.
    for name in ('enc_loss_kpt', 'loss_kpt', 'loss_cls', 'loss_hm'):
        mean = (parts[0][name] + parts[1][name]) / 2
        assert torch.allclose(both[name], mean, rtol=1e-3), name


def test_repeated_and_other_frames_have_no_influence():
    model = build_model().eval()
    short, long = make_clip(0, 1), make_clip(1, 2)
    # Twice the same window: 3 frames instead of 4, and one is repeated.
    sample = short['data_samples']
    sample.set_metainfo(dict(frame_index=sample.frame_index.repeat(2, axis=0)))
    data = model.data_preprocessor(collate(short, long))
    data['inputs']['frame_index'] = data['inputs']['frame_index'][:, :1]
    before = decode(model, data, None).poses
    data['inputs']['frames'][0, 3] = 7.0
    data['inputs']['frames'][1, 3] = 7.0
    assert torch.equal(decode(model, data, None).poses, before)
    data['inputs']['frames'][1, 2] = 7.0
    changed = decode(model, data, None).poses
    assert torch.equal(changed[0], before[0])
    assert not torch.equal(changed[1], before[1])


@pytest.fixture
def windows_batch():
    torch.manual_seed(0)
    return collate(make_clip(0, 2), make_clip(1, 2))


def count_saved(function):
    sizes = {}

    def note(tensor):
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        function()
    return sum(sizes.values())


def test_first_window_without_gradient(windows_batch):
    full, silent = build_model(), build_model(no_grad_windows=1)
    silent.load_state_dict(full.state_dict())
    saved = [
        count_saved(lambda m=model: run_loss(m, windows_batch))
        for model in (full, silent)
    ]
    assert saved[1] < 0.8 * saved[0]

    data = silent.data_preprocessor(windows_batch, True)
    data['inputs']['frames'].requires_grad_()
    losses = silent(**data, mode='loss')
    silent.parse_losses(losses)[0].backward()
    grad = data['inputs']['frames'].grad.flatten(2).abs().sum(dim=-1)
    # Frame 0 is in the first window only.
    assert not grad[:, 0].any() and (grad[:, 1:] > 0).all()
    assert losses['n_trk'] > 0
    with pytest.raises(ValueError, match='no_grad_windows'):
        run_loss(silent, collate(make_clip(0, 1)))


def test_a_frozen_start_of_the_clip_gives_the_same_second_window():
    full, silent = build_model(), build_model(no_grad_windows=1)
    silent.load_state_dict(full.state_dict())
    batch = collate(make_clip(0, 2))
    first, second = run_loss(full, batch)[1], run_loss(silent, batch)[1]
    for name in TRACK_DIAGNOSTICS:
        if name in first:
            assert torch.allclose(first[name], second[name], atol=1e-5)


@pytest.mark.parametrize('with_position', [False, True])
def test_handed_over_queries_have_no_gradient(with_position):
    model = build_model(hand_over_position=with_position)
    states = []
    sample = model.head.sampler.sample

    def spy(**kwargs):
        states.append(sample(**kwargs))
        return states[-1]

    model.head.sampler.sample = spy
    run_loss(model, collate(make_clip(0, 3)))
    assert len(states) == 3 and states[0].num_queries == 2
    assert sorted(states[0].track_ids[0].tolist()) == [3, 7]
    for state in states:
        assert not state.content.requires_grad
        assert not state.reference.requires_grad
        assert (state.position is not None) == with_position
        if with_position:
            assert not state.position.requires_grad
            assert state.position[state.valid].any(dim=-1).all()


@pytest.mark.parametrize('num_frames', [1, 3, 5])
def test_images_of_unequal_sizes_train_together(num_frames):
    model = build_model(num_frames=num_frames)
    sizes = ((32, 48), (64, 40))
    clips = [
        make_clip(n, num_frames=num_frames, size=size)
        for n, size in enumerate(sizes)
    ]
    total, losses = run_loss(model, collate(*clips))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    frames = model.eval().test_step(
        collate(
            *(
                make_clip(n, 1, num_frames, video=str(n), size=size)
                for n, size in enumerate(sizes)
            )
        )
    )
    for frame, (height, width) in zip(frames, sizes):
        points = frame.pred_instances.keypoints
        assert (points >= -1).all() and (points <= [width, height]).all()


@pytest.mark.parametrize('neighbour_weight', [0.0, 1.0])
@pytest.mark.parametrize('batch_size', [1, 2])
def test_clips_without_persons_teach_that_there_are_none(
    batch_size, neighbour_weight
):
    model = build_model(criterion=dict(neighbour_weight=neighbour_weight))
    clips = [make_clip(seed) for seed in range(batch_size)]
    for clip in clips:
        for frame in clip['data_samples'].frames:
            frame.gt_instance_labels = frame.gt_instance_labels[:0]
    total, losses = run_loss(model, collate(*clips))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    assert losses['loss_cls'] > 0 and losses['loss_kpt'] == 0
    for part in (model.head.proposer, model.head.decoder.branches[0]):
        assert (part.cls.bias.grad > 0).all()
