# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.keypoint_hota import (
    HotaCounts,
    hota,
    hota_counts,
)


def score(frames, **options):
    """HOTA, DetA and AssA of the only keypoint."""
    scores = hota(hota_counts(frames, 0.5, **options))
    return tuple(float(part[0]) for part in scores.values())


def test_perfect_track(make_frames):
    frames = make_frames([{1: 0, 2: 5}] * 4, [{8: 5, 9: 0}] * 4)
    assert score(frames) == (1, 1, 1)


def test_a_person_with_two_tracks_of_half_length(make_frames):
    frames = make_frames([{1: 0}] * 4, [{7: 0}] * 2 + [{8: 0}] * 2)
    # each match has 2 of 4 frames in common
    assert score(frames) == pytest.approx((math.sqrt(0.5), 1, 0.5))


def test_a_miss_and_a_false_positive(make_frames):
    frames = make_frames([{1: 0}] * 2, [{7: 0}, {7: 4}])
    # one match, one miss, one false positive, of one person and one track
    assert score(frames) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_similarity_falls_to_zero_at_the_threshold(make_frames):
    frames = make_frames([{1: 0}] * 3, [{7: 0.1}] * 3)
    # 0.8: reached by 16 of the 19 alphas
    assert score(frames) == pytest.approx((16 / 19, 16 / 19, 16 / 19))
    assert score(make_frames([{1: 0}], [{7: 0.5}])) == (0, 0, 0)


def test_alignment_prefers_the_track_of_the_whole_video(make_frames):
    truth = [{1: 0}] * 4
    tracks = [{7: 0.05}] * 3 + [{7: 0.1, 8: 0.05}]
    plain = hota_counts(make_frames(truth, tracks), 0.5)
    aligned = hota_counts(make_frames(truth, tracks), 0.5, align_tracks=True)
    # at the first alpha every pair counts
    assert plain.association[0, 0] == pytest.approx(3 * 3 / 5 + 1 / 4)
    assert aligned.association[0, 0] == pytest.approx(4)


def test_an_unmatched_prediction_in_an_ignore_region_is_no_error(make_frames):
    ignored = {(0, 8), (1, 7), (2, 7)}
    frames = make_frames(
        [{1: 0}, {1: 0}, {}], [{7: 0, 8: 4}, {7: 0}, {7: 3}], ignored
    )
    assert score(frames) == (1, 1, 1)


def test_videos_add_up_and_keypoints_can_be_pooled(make_frames):
    good = hota_counts(make_frames([{1: [0, 0]}] * 2, [{7: [0, 0]}] * 2), 0.5)
    bad = hota_counts(make_frames([{1: [0, 0]}] * 2, [{7: [0, 9]}] * 2), 0.5)
    both = HotaCounts(*(np.sum(pair, axis=0) for pair in zip(good, bad)))
    scores = hota(both)
    assert scores['DetA'] == pytest.approx([1, 2 / 6])
    assert scores['AssA'] == pytest.approx([1, 1])
    pooled = hota(both, pooled=True)
    assert pooled['DetA'] == pytest.approx(6 / 10)
    assert pooled['HOTA'] == pytest.approx(math.sqrt(6 / 10))


def test_nothing_there(make_frames):
    assert score(make_frames([{1: 0}], [{}])) == (0, 0, 0)
    assert score(make_frames([{}], [{7: 0}])) == (0, 0, 0)
    assert all(map(math.isnan, score(make_frames([{}], [{}]))))
