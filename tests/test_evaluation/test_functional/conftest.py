# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional.tracked_frames import TrackedFrame


@pytest.fixture
def make_frames():
    """Make frames of one keypoint on a line, or of several.

    Persons and predictions of a frame are ``{id: place}``; a place is a
    number, or a list with a number per keypoint, None for no keypoint.
    ``ignored`` are (frame, predicted id) pairs that lie in an ignore region.
    """

    def make(truth, predicted, ignored=()):
        frames = []
        for time, (persons, tracks) in enumerate(zip(truth, predicted)):
            gt = _places(persons)
            pred = _places(tracks)
            distances = np.abs(gt[:, None] - pred[None])
            in_region = np.array([(time, i) in ignored for i in tracks], bool)
            frames.append(
                TrackedFrame(
                    distances=np.nan_to_num(distances, nan=np.inf),
                    gt_valid=~np.isnan(gt),
                    pred_valid=~np.isnan(pred),
                    ignored=in_region[:, None] & ~np.isnan(pred),
                    gt_ids=np.array([*persons], dtype=np.int64),
                    pred_ids=np.array([*tracks], dtype=np.int64),
                )
            )
        width = max(f.gt_valid.shape[1] for f in frames)
        assert all(f.gt_valid.shape[1] == width for f in frames)
        return frames

    def _places(persons):
        rows = [np.atleast_1d(np.array(p, float)) for p in persons.values()]
        return np.stack(rows) if rows else np.zeros((0, 1))

    return make


@pytest.fixture
def make_random_frames():
    """Make a crowded video in which nearly everything goes wrong."""

    def make(
        seed, num_frames=25, num_keypoints=3, num_persons=5, num_tracks=7
    ):
        rng = np.random.default_rng(seed)
        places = rng.normal(scale=0.35, size=(num_tracks, 2))
        frames = []
        for time in range(num_frames):
            if time == num_frames // 2:
                places = rng.permutation(places)
            persons = np.flatnonzero(rng.random(num_persons) < 0.8)
            tracks = rng.permutation(
                np.flatnonzero(rng.random(num_tracks) < 0.8)
            )
            gt_valid = rng.random((len(persons), num_keypoints)) < 0.8
            pred_valid = rng.random((len(tracks), num_keypoints)) < 0.8
            gt, pred = (
                places[ids, None] + rng.normal(0, 0.1, (*valid.shape, 2))
                for ids, valid in ((persons, gt_valid), (tracks, pred_valid))
            )
            distances = np.linalg.norm(gt[:, None] - pred[None], axis=-1)
            distances[~(gt_valid[:, None] & pred_valid)] = np.inf
            frames.append(
                TrackedFrame(
                    distances,
                    gt_valid,
                    pred_valid,
                    np.zeros_like(pred_valid),
                    persons * 3 + 1,
                    tracks * 2,
                )
            )
        return frames

    return make
