# Copyright (c) cape_mm contributors. All rights reserved.
"""Videos that PAVENet tracks."""

from __future__ import annotations

import numpy as np
from support.tiny_pavenet import build_model, collate, make_clip


def make_video(model, video, seed, length=3):
    """Frames of a video, one batch each."""
    return [
        model.data_preprocessor(
            collate(make_clip(seed + n, 1, video=video, first=n))
        )
        for n in range(length)
    ]


def track(model, batches):
    state, results = None, []
    for data in batches:
        frames, state = model.track(**data, state=state)
        results += frames
    return results


def same(one, other):
    return all(
        np.array_equal(a.pred_instances[name], b.pred_instances[name])
        for a, b in zip(one, other)
        for name in ('track_ids', 'keypoints')
    )


def test_another_video_has_no_influence():
    model = build_model().eval()
    first, second = make_video(model, 'a', 0), make_video(model, 'b', 10)
    alone = track(model, second)
    after = track(model, first + second)[len(first) :]
    assert same(alone, after)
    # Within a video the frame before matters: tracks are propagated.
    cut = track(model, second[1:])
    assert not same(alone[1:], cut)
    ids = [set(frame.pred_instances.track_ids.tolist()) for frame in alone]
    assert ids[0] & ids[1]


def test_positions_are_handed_over_in_videos_too():
    plain, placed = (
        build_model(hand_over_position=option).eval()
        for option in (False, True)
    )
    video = make_video(plain, 'a', 0)
    known, new = track(plain, video), track(placed, video)
    # No person comes from anywhere in the first frame.
    assert same(known[:1], new[:1]) and not same(known[1:], new[1:])
    _, state = placed.track(**video[0])
    assert state.queries.position.shape == state.queries.content.shape


def test_windows_of_a_clip_are_tracked_as_clips_of_one_window():
    model = build_model().eval()
    clip = make_clip(0, 3)
    together = model.data_preprocessor(collate(clip))
    apart = []
    for window in clip['data_samples'].frame_index:
        sample = clip['data_samples'].new()
        sample.frames = [clip['data_samples'].frames[i] for i in window]
        sample.set_metainfo(dict(frame_index=np.arange(3)[None]))
        apart.append(
            model.data_preprocessor(
                collate(
                    dict(inputs=clip['inputs'][window], data_samples=sample)
                )
            )
        )
    found, expected = track(model, [together]), track(model, apart)
    assert [frame.frame_id for frame in found] == [1, 2, 3]
    for one, other in zip(found, expected):
        one, other = one.pred_instances, other.pred_instances
        assert (one.track_ids == other.track_ids).all()
        assert np.allclose(one.keypoints, other.keypoints, atol=1e-3)


def test_loops_follow_a_video_over_batches_and_begin_again():
    model = build_model().eval()
    clips = [make_clip(n, 1, first=n) for n in range(4)]
    expected = track(
        model, [model.data_preprocessor(collate(clip)) for clip in clips]
    )
    for _ in range(2):
        found = []
        for batch in (clips[:2], clips[2:]):
            found += model.test_step(collate(*batch))
        assert [len(f.pred_instances.track_ids) for f in found] == [
            len(f.pred_instances.track_ids) for f in expected
        ]
        for one, other in zip(found, expected):
            assert (
                one.pred_instances.track_ids == other.pred_instances.track_ids
            ).all()
