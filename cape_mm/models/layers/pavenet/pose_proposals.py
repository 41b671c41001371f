# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from mmdet.models.layers import inverse_sigmoid
from torch import Tensor, nn

from .clip_encoder import ClipMemory
from .pose_queries import (
    PosePrediction,
    class_branch,
    pose_branch,
    pose_extent,
    sigma_branch,
)

# Distinct proposals are selected among this number of times as many.
_POOL = 4


class PoseProposals(NamedTuple):
    """One pose for each of S cells of the middle frames of B windows."""

    features: Tensor  # (B, S, C)
    logits: Tensor  # person logits (B, S)
    poses: Tensor  # (B, S, K, 2), normalised
    sigma: Tensor  # (B, S, K, 2), before the sigmoid
    valid: Tensor  # (B, S) bool, False for cells outside of the image

    @property
    def prediction(self) -> PosePrediction:
        """Predictions of the stage, with one frame."""
        return PosePrediction(
            self.poses[:, :, None], self.sigma, logits=self.logits
        )

    def best(self, number: int, distinct: float = 0.0) -> PoseProposals:
        """The proposals with the highest scores, best first, without gradient.

        Args:
            number (int): Number of proposals; all if there are fewer.
            distinct (float): Proposals that are nearer than this to a better
                one come last: mean distance of the keypoints, as a share of
                the longer side of the better pose, both normalised, so that
                an input that is wider than high counts less across. Defaults
                to 0, all are distinct.
        """
        scores = self.logits.detach().masked_fill(~self.valid, -torch.inf)
        count = min(number, scores.shape[1])
        if distinct:
            pool = min(_POOL * number, scores.shape[1])
            chosen = scores.topk(pool, dim=1).indices
            found = self._take(chosen)
            again = _repeated(found.poses, distinct).to(torch.uint8)
            # stable: the order by scores stays, padding comes last
            again = again.masked_fill(~found.valid, 2)
            order = again.argsort(dim=1, stable=True)
            chosen = chosen.gather(1, order[:, :count])
        else:
            chosen = scores.topk(count, dim=1).indices
        return self._take(chosen)

    def _take(self, chosen: Tensor) -> PoseProposals:
        rows = torch.arange(len(chosen), device=chosen.device)[:, None]
        return PoseProposals(*(value.detach()[rows, chosen] for value in self))


def _repeated(poses: Tensor, nearness: float) -> Tensor:
    """Which of (B, P, K, 2), best first, are near a better one: (B, P)."""
    distance = (poses[:, :, None] - poses[:, None]).norm(dim=-1).mean(dim=-1)
    side = pose_extent(poses).amax(dim=-1)
    near = distance < nearness * side[:, :, None]
    again = torch.zeros_like(near[:, 0])
    for better in range(poses.shape[1] - 1):
        alone = ~again[:, better, None]
        again[:, better + 1 :] |= alone & near[:, better, better + 1 :]
    return again


class PoseProposer(nn.Module):
    """Propose a pose with all keypoints at each cell of the middle frame."""

    def __init__(self, embed_dims: int, num_keypoints: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(embed_dims, embed_dims), nn.LayerNorm(embed_dims)
        )
        self.cls = class_branch(embed_dims)
        self.pose = pose_branch(
            embed_dims, 2 * embed_dims, 2 * num_keypoints, 4
        )
        self.sigma = sigma_branch(embed_dims, 2 * num_keypoints)

    def forward(self, memory: ClipMemory) -> PoseProposals:
        """One pose for each cell of the middle frames of B windows."""
        tokens = memory.middle.masked_fill(~memory.valid[..., None], 0.0)
        features = self.features(tokens)
        centre = inverse_sigmoid(memory.centres.clamp(0, 1), eps=1e-3)
        delta = self.pose(features).unflatten(-1, (-1, 2))
        return PoseProposals(
            features=features,
            logits=self.cls(features)[..., 0],
            poses=(centre[:, :, None] + delta).sigmoid(),
            sigma=self.sigma(features).unflatten(-1, (-1, 2)),
            valid=memory.valid,
        )
