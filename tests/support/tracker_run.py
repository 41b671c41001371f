# Copyright (c) cape_mm contributors. All rights reserved.
"""Runs a tracker of poses over made-up outputs of a model."""

from __future__ import annotations

import pytest
import torch

from cape_mm.models.task_modules import PoseQueryTracker

SIGMAS = dict(sigmas=[0.2, 0.2])
SHAPE = (100, 200)
CHANNELS = 3


def make_tracker(kind=PoseQueryTracker, **options):
    return kind(SIGMAS, **options)


def poses_at(positions):
    """(Q, 2, 2): two joints, 0.1 of the image apart on both axes."""
    corners = torch.tensor([[-0.05, -0.05], [0.05, 0.05]])
    return torch.tensor(positions)[:, None, None] + corners


class TrackerRun:
    """Runs a tracker over made-up outputs, one call a frame."""

    def __init__(self, video_id='video', **options):
        self.tracker = make_tracker(**options)
        self.video_id = video_id
        self.frame_id = -1
        self.state = None

    def frame(self, tracks=(), found=(), proposals=None):
        """(position, score) of the tracks, in their order, and detections.

        The feature of a query is its position.
        """
        self.frame_id += 1
        state = self.tracker.begin(
            self.state, self.video_id, self.frame_id, CHANNELS, 2
        )
        if proposals is not None:
            state = self.tracker.reanchor(state, *split(proposals), SHAPE)
        self.begun = state
        assert len(tracks) == self.tracker.queries(state).num_queries
        poses, logits = split([*tracks, *found])
        content = poses.mean(dim=(1, 2))[:, None].repeat(1, CHANNELS)
        self.persons, self.state = self.tracker.update(
            content, poses, logits, state, SHAPE
        )
        return self.given()

    def given(self):
        """{identity: position} of what is given out."""
        where = self.persons.keypoints.mean(dim=(1, 2)).tolist()
        return {
            track: pytest.approx(place, abs=1e-5)
            for track, place in zip(self.persons.track_ids.tolist(), where)
        }

    def propagated(self):
        """Identities of the next frame's track queries, in their order."""
        return self.state.queries.track_ids[0].tolist()


def split(queries):
    positions = [position for position, _ in queries]
    scores = torch.tensor([score for _, score in queries])
    if not queries:
        return torch.zeros(0, 2, 2), torch.zeros(0)
    return poses_at(positions), scores.logit()
