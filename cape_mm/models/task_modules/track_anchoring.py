# Copyright (c) cape_mm contributors. All rights reserved.
"""Put propagated poses, which drift, back on what is found in a frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from torch import Tensor

from .pose_matching import match_one_to_one, pairwise_oks


class Anchoring(NamedTuple):
    """How poses are put on anchors.

    Attributes:
        oks (PoseOKS): Similarity of poses.
        gate (float): Least similarity of a pose and its anchor.
        alpha (float): How far poses move, 1 is all the way.
        size (Tensor): (2,) width and height of the input in pixels.
    """

    oks: PoseOKS
    gate: float
    alpha: float
    size: Tensor

    def match(self, tracks: Tensor, anchors: Tensor):
        """Pairs of poses in [0, 1], as rows and columns, one to one."""
        similarity = pairwise_oks(
            self.oks, tracks * self.size, anchors * self.size
        )
        return match_one_to_one(similarity, self.gate)


class FrameQueries(NamedTuple):
    """Q queries of a frame, the tracks first.

    Attributes:
        poses (Tensor): (Q, K, 2) in [0, 1].
        scores (Tensor): (Q,) in [0, 1].
        source (Tensor): (Q,) int64, the query whose features each has.
        is_track (Tensor): (Q,) bool.
        seen (Tensor): (Q,) bool, tracks that are not missing.
        taken (Tensor): (Q,) bool, detections that tracks have taken.
    """

    poses: Tensor
    scores: Tensor
    source: Tensor
    is_track: Tensor
    seen: Tensor
    taken: Tensor

    @classmethod
    def of_outputs(
        cls, poses: Tensor, logits: Tensor, num_tracks: int, keep_thr: float
    ) -> FrameQueries:
        """Outputs of a model as they are.

        Args:
            poses (Tensor): (Q, K, 2) in [0, 1].
            logits (Tensor): (Q,).
            num_tracks (int): How many of the first are tracks.
            keep_thr (float): Least score of seen tracks.

        Returns:
            FrameQueries: Each with its own features.
        """
        number = torch.arange(len(poses), device=poses.device)
        scores = logits.float().sigmoid()
        is_track = number < num_tracks
        return cls(
            poses=poses,
            scores=scores,
            source=number,
            is_track=is_track,
            seen=is_track & (scores >= keep_thr),
            taken=torch.zeros_like(number, dtype=torch.bool),
        )

    def detections(self, threshold: float) -> Tensor:
        """Detect queries of that score that no track took, as indices."""
        free = ~self.is_track & ~self.taken
        return (free & (self.scores >= threshold)).nonzero()[:, 0]

    def take_detections(
        self, anchoring: Anchoring, birth_thr: float
    ) -> FrameQueries:
        """Let each track take the detection of its person.

        Seen tracks move to their detections. Missing ones become them, with
        their features, and are seen.

        Args:
            anchoring (Anchoring): How.
            birth_thr (float): Least score of detections.

        Returns:
            FrameQueries: Changed, with the detections ``taken``.
        """
        tracks = self.is_track.nonzero()[:, 0]
        found = self.detections(birth_thr)
        rows, columns = anchoring.match(self.poses[tracks], self.poses[found])
        tracks, found = tracks[rows], found[columns]
        own = self.seen[tracks]
        alpha = torch.where(own, anchoring.alpha, 1.0).to(self.poses)
        poses, scores, source, _, seen, taken = (
            value.clone() for value in self
        )
        poses[tracks] = poses[tracks].lerp(poses[found], alpha[:, None, None])
        scores[tracks] = torch.maximum(scores[tracks], scores[found])
        source[tracks] = torch.where(own, tracks, found)
        seen[tracks] = True
        taken[found] = True
        return self._replace(
            poses=poses, scores=scores, source=source, seen=seen, taken=taken
        )
