# Copyright (c) cape_mm contributors. All rights reserved.
from typing import NamedTuple

import torch
from mmdet.models.layers import inverse_sigmoid
from torch import Tensor, nn

from .clip_memory import ClipMemory
from .pose_branches import class_branch, pose_branch, sigma_branch


class PoseProposals(NamedTuple):
    """One pose for each of S cells of the middle frames of B windows.

    Attributes:
        features (Tensor): (B, S, C).
        logits (Tensor): (B, S), of being a person.
        poses (Tensor): (B, S, K, 2) in [0, 1].
        sigma (Tensor): (B, S, K, 2), before the sigmoid.
        valid (Tensor): (B, S) bool, False for cells outside of the picture.
    """

    features: Tensor
    logits: Tensor
    poses: Tensor
    sigma: Tensor
    valid: Tensor

    def best(self, number: int) -> 'PoseProposals':
        """The proposals with the highest scores, the best one first.

        Args:
            number (int): How many; all if there are fewer.

        Returns:
            PoseProposals: Without gradient.
        """
        scores = self.logits.detach().masked_fill(~self.valid, -torch.inf)
        chosen = scores.topk(min(number, scores.shape[1]), dim=1).indices
        rows = torch.arange(len(chosen), device=chosen.device)[:, None]
        return PoseProposals(*(value.detach()[rows, chosen] for value in self))


class PoseProposer(nn.Module):
    """Propose a pose at each cell of the middle frame, by all its joints.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
    """

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
        """Propose poses.

        Args:
            memory (ClipMemory): The frames of B windows.

        Returns:
            PoseProposals: One for each cell of the middle frames.
        """
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
