# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope

from cape_mm.models.task_modules import TrackQuerySampler
from cape_mm.registry import TASK_UTILS

HIGH, LOW = 0.9, 0.1


def window(scores, person_ids, matched=None, query_ids=None, places=None):
    """Query q has content q everywhere and its box around places[q]."""
    scores = torch.tensor(scores, dtype=torch.float64)[None]
    count = scores.shape[1]
    ids = torch.tensor(person_ids)[None]
    number = torch.arange(float(count))
    centre = number / count if places is None else torch.tensor(places)
    corners = torch.tensor([[-0.02, -0.02], [0.02, 0.02]])
    values = dict(
        content=number[None, :, None].repeat(1, 1, 4),
        poses=(centre[:, None, None] + corners)[None],
        logits=scores.logit().float(),
        person_ids=ids,
        matched=ids >= 0 if matched is None else torch.tensor(matched)[None],
    )
    if query_ids is not None:
        values['query_ids'] = torch.tensor(query_ids)[None]
    return values


def handed_over(state, clip=0):
    """{number of the query: identity} of the valid places."""
    valid = state.valid[clip]
    numbers = state.content[clip, valid, 0].int().tolist()
    return dict(zip(numbers, state.track_ids[clip, valid].tolist()))


@pytest.mark.parametrize(
    'score, person, matched, query, plain, always, forgetful',
    [
        # score, identity of the person, has a person, identity it came with:
        # with which identity it is handed over, None for not at all
        (HIGH, 5, True, -1, 5, 5, 5),
        (LOW, 5, True, -1, None, 5, None),
        (HIGH, 5, True, 5, 5, 5, 5),
        (HIGH, 7, True, 5, 7, 7, 7),
        (HIGH, -1, False, -1, -1, -1, -1),
        (LOW, -1, False, -1, None, None, None),
        (HIGH, -1, False, 5, 5, 5, -1),
        (LOW, -1, False, 5, 5, 5, None),
        (HIGH, -1, True, -1, None, None, None),
        (LOW, -1, True, 5, None, None, None),
    ],
)
def test_truth_table(score, person, matched, query, plain, always, forgetful):
    values = window([score], [person], [matched], [query])
    for options, expected in (
        ({}, plain),
        (dict(matched_always=True), always),
        (dict(keep_vanished=False), forgetful),
    ):
        state = TrackQuerySampler(score_thr=0.5, **options).sample(**values)
        identities = {} if expected is None else {0: expected}
        assert handed_over(state) == identities, options


def test_an_identity_taken_over_by_another_query_is_not_vanished():
    values = window([LOW, HIGH], [-1, 5], query_ids=[5, -1])
    assert handed_over(TrackQuerySampler().sample(**values)) == {1: 5}


def test_tracks_come_before_vanished_ones_and_these_before_mistakes():
    values = window(
        [0.99, 0.6, 0.2, 0.7], [-1, 1, -1, 3], query_ids=[-1, 1, 2, -1]
    )
    by_size = [{}, {3: 3}, {1: 1, 3: 3}, {1: 1, 2: 2, 3: 3}]
    for number, expected in enumerate(by_size):
        sampler = TrackQuerySampler(max_queries=number)
        assert handed_over(sampler.sample(**values)) == expected
    assert len(handed_over(TrackQuerySampler().sample(**values))) == 4


def test_only_tracks_are_dropped_as_false_negatives():
    values = window([HIGH] * 3, [1, -1, -1], query_ids=[-1, 2, -1])
    sampler = TrackQuerySampler(p_false_negative=1.0)
    assert handed_over(sampler.sample(**values)) == {1: 2, 2: -1}


def test_dropout_has_its_rate():
    values = window([HIGH] * 2000, list(range(2000)))
    sampler = TrackQuerySampler(p_false_negative=0.3, max_queries=2000)
    generator = torch.Generator().manual_seed(0)
    kept = sampler.sample(**values, generator=generator).valid.sum()
    assert kept / 2000 == pytest.approx(0.7, abs=0.03)


def test_injected_are_queries_without_person_that_overlap():
    # Query 0 is the track. 1 stands on it but has a person of low score,
    # 2 stands beside it, 3 far away.
    values = window(
        [HIGH, LOW, LOW, LOW], [1, 2, -1, -1], places=[0.5, 0.5, 0.51, 0.9]
    )
    sampler = TrackQuerySampler(p_false_positive=1.0)
    for _ in range(20):
        assert handed_over(sampler.sample(**values)) == {0: 1, 2: -1}


def test_any_free_query_is_injected_if_none_overlaps():
    values = window([HIGH, LOW, LOW, LOW], [1, 2, -1, -1])
    sampler = TrackQuerySampler(p_false_positive=1.0)
    generator = torch.Generator().manual_seed(0)
    sampled = [
        set(handed_over(sampler.sample(**values, generator=generator))) - {0}
        for _ in range(40)
    ]
    assert all(len(one) == 1 for one in sampled)
    assert set().union(*sampled) == {2, 3}


def test_nothing_is_injected_without_free_query_or_track():
    sampler = TrackQuerySampler(p_false_positive=1.0, matched_always=True)
    full = window([HIGH, LOW], [1, 2])
    assert handed_over(sampler.sample(**full)) == {0: 1, 1: 2}
    alone = window([LOW, LOW], [-1, -1])
    assert handed_over(sampler.sample(**alone)) == {}


def test_injected_never_displace_tracks():
    values = window([0.5, 0.39], [1, -1])
    sampler = TrackQuerySampler(p_false_positive=1.0, max_queries=1)
    assert handed_over(sampler.sample(**values)) == {0: 1}


def test_invalid_queries_stay_behind():
    values = window([HIGH] * 3, [1, -1, -1], query_ids=[-1, 2, -1])
    valid = torch.zeros(1, 3, dtype=torch.bool)
    state = TrackQuerySampler(p_false_positive=1.0).sample(
        **values, valid=valid
    )
    assert state.num_queries == 0


def test_jitter_moves_whole_poses_or_single_keypoints_inside_the_image():
    values = window([HIGH] * 500, list(range(500)), places=[0.5] * 500)
    options = dict(max_queries=500)
    generator = torch.Generator().manual_seed(0)
    old = values['poses']
    shifted = TrackQuerySampler(reference_jitter=0.02, **options).sample(
        **values, generator=generator
    )
    shift = shifted.reference - old
    assert torch.allclose(shift[:, :, 0], shift[:, :, 1], atol=1e-6)
    assert shift.std() == pytest.approx(0.02, rel=0.1)
    jittered = TrackQuerySampler(keypoint_jitter=0.02, **options).sample(
        **values, generator=generator
    )
    noise = jittered.reference - old
    assert noise.std() == pytest.approx(0.02, rel=0.1)
    assert (noise[:, :, 0] - noise[:, :, 1]).std() > 0.02
    wild = TrackQuerySampler(reference_jitter=5.0, **options).sample(**values)
    assert wild.reference.min() >= 0 and wild.reference.max() <= 1
    still = TrackQuerySampler(**options).sample(**values)
    assert torch.equal(still.reference, old)


def test_what_is_handed_over_has_no_gradient_and_its_position():
    values = window([HIGH, LOW], [1, -1])
    for name in ('content', 'poses', 'logits'):
        values[name].requires_grad_()
    position = torch.rand(1, 2, 4, requires_grad=True)
    state = TrackQuerySampler(
        keypoint_jitter=0.1, p_false_positive=1.0
    ).sample(**values, position=position)
    for value in (state.content, state.reference, state.position):
        assert not value.requires_grad
    assert torch.equal(state.position, position)


def test_clips_of_a_batch_do_not_influence_each_other():
    one = window([HIGH, LOW, HIGH], [1, -1, -1], query_ids=[1, 7, -1])
    two = window([LOW, LOW, HIGH], [-1, -1, 7], query_ids=[-1, 7, -1])
    sampler = TrackQuerySampler()
    both = sampler.sample(
        **{name: torch.cat([one[name], two[name]]) for name in one}
    )
    assert both.valid.tolist() == [[True] * 3, [True, False, False]]
    for index, values in enumerate((one, two)):
        alone = sampler.sample(**values)
        valid = both.valid[index]
        assert torch.equal(both.content[index, valid], alone.content[0])
        assert torch.equal(both.track_ids[index, valid], alone.track_ids[0])


def test_random_numbers_are_torchs_own_or_of_a_generator():
    values = window([HIGH] * 50, list(range(50)))
    sampler = TrackQuerySampler(
        p_false_negative=0.5, p_false_positive=0.5, keypoint_jitter=0.1
    )

    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        return sampler.sample(**values, generator=generator).reference

    before = torch.get_rng_state()
    assert torch.equal(draw(0), draw(0))
    assert torch.equal(torch.get_rng_state(), before)
    sampler.sample(**values)
    assert not torch.equal(torch.get_rng_state(), before)


def test_numbers_out_of_range_are_refused():
    for name in ('score_thr', 'p_false_negative', 'p_false_positive'):
        with pytest.raises(ValueError, match=name):
            TrackQuerySampler(**{name: 1.5})
    with pytest.raises(ValueError, match='max_queries'):
        TrackQuerySampler(max_queries=-1)


def test_configs_can_name_it():
    with DefaultScope.overwrite_default_scope('mmpose'):
        config = dict(type='cape_mm.TrackQuerySampler', max_queries=7)
        assert TASK_UTILS.build(config).max_queries == 7
