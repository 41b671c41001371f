# Copyright (c) cape_mm contributors. All rights reserved.
"""Runs a tracker of poses over made-up outputs of a model."""

from __future__ import annotations

import pytest
import torch
from mmpose.structures import PoseDataSample

from cape_mm.models.layers.pavenet import FramePrediction, PoseProposals
from cape_mm.models.task_modules import PoseQueryTracker

SIGMAS = dict(sigmas=[0.2, 0.2])
SHAPE = (100, 200)
CHANNELS = 3


def make_tracker(kind=PoseQueryTracker, **options):
    return kind(SIGMAS, **options)


def poses_at(positions):
    """(Q, 2, 2): two keypoints, 0.1 of the image apart on both axes."""
    corners = torch.tensor([[-0.05, -0.05], [0.05, 0.05]])
    return torch.tensor(positions)[:, None, None] + corners


def make_proposals(found=()):
    """One proposal for each (position, score)."""
    poses, logits = split(found)
    return PoseProposals(
        features=torch.zeros(1, len(poses), CHANNELS),
        logits=logits[None],
        poses=poses[None],
        sigma=torch.zeros_like(poses)[None],
        valid=torch.ones(1, len(poses), dtype=torch.bool),
    )


def make_prediction(found, content=None, **options):
    """One query for each (position, score); its feature is its position."""
    poses, logits = split(found)
    if content is None:
        content = poses.mean(dim=(1, 2))[:, None].repeat(1, CHANNELS)
    values = dict(
        content=content[None],
        poses=poses[None],
        logits=logits[None],
        sigma=torch.full_like(poses, 0.01)[None],
        visibility=torch.ones_like(poses[None, ..., 0]),
    )
    return FramePrediction(**{**values, **options})


def make_frame(video_id='video', frame_id=0):
    return PoseDataSample(
        metainfo=dict(video_id=video_id, frame_id=frame_id, img_shape=SHAPE)
    )


class TrackerRun:
    """Runs a tracker over made-up outputs, one call a frame."""

    def __init__(self, video_id='video', **options):
        self.tracker = make_tracker(**options)
        self.video_id = video_id
        self.frame_id = -1
        self.state = None

    def frame(self, tracks=(), found=(), proposals=()):
        """(position, score) of the tracks, in their order, and detections."""
        self.frame_id += 1

        def decode(queries):
            self.queries = queries
            assert len(tracks) == queries.num_queries
            return make_prediction([*tracks, *found])

        self.persons, self.state = self.tracker.track(
            make_proposals(proposals),
            decode,
            make_frame(self.video_id, self.frame_id),
            self.state,
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
