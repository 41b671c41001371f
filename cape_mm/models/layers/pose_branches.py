# Copyright (c) cape_mm contributors. All rights reserved.
"""What is read off queries: poses, deviations, visibility, and scores."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from mmdet.models.layers import MLP, inverse_sigmoid
from torch import Tensor, nn

#: Start of the deviations: sigmoid(-2) is 0.12 of the input.
_SIGMA_BIAS = -2.0
_SMALL_GAIN = 0.01
_EPS = 1e-3


class PosePrediction(NamedTuple):
    """Predictions of one stage for Q queries of B windows.

    Attributes:
        poses (Tensor): (B, Q, F, K, 2), ``(x, y)`` in [0, 1] of the input.
        sigma (Tensor): (B, Q, K, 2), before the sigmoid, of the middle frame.
        visibility (Tensor, optional): (B, Q, K) logits, of the middle frame.
        logits (Tensor, optional): (B, Q), of being a person.
    """

    poses: Tensor
    sigma: Tensor
    visibility: Tensor | None = None
    logits: Tensor | None = None

    @property
    def middle(self) -> Tensor:
        """Poses in the middle frame: (B, Q, K, 2)."""
        return self.poses[:, :, self.poses.shape[2] // 2]


def class_branch(embed_dims: int) -> nn.Linear:
    """A linear layer that starts with the probability 0.01."""
    layer = nn.Linear(embed_dims, 1)
    nn.init.constant_(layer.bias, -math.log(99))
    return layer


def pose_branch(
    embed_dims: int, hidden: int, outputs: int, layers: int
) -> MLP:
    """Layers that start with 0: the pose stays where it is."""
    branch = _mlp(embed_dims, hidden, outputs, layers)
    nn.init.zeros_(branch.layers[-1].weight)
    nn.init.zeros_(branch.layers[-1].bias)
    return branch


def sigma_branch(embed_dims: int, outputs: int) -> MLP:
    """Three layers that start with nearly the same deviation everywhere."""
    branch = _mlp(embed_dims, embed_dims, outputs, 3)
    nn.init.xavier_uniform_(branch.layers[-1].weight, gain=_SMALL_GAIN)
    nn.init.constant_(branch.layers[-1].bias, _SIGMA_BIAS)
    return branch


def _mlp(inputs: int, hidden: int, outputs: int, layers: int) -> MLP:
    """Layers that keep the variance; torch's default loses most of it."""
    branch = MLP(inputs, hidden, outputs, layers)
    for layer in branch.layers:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity='relu')
        nn.init.zeros_(layer.bias)
    return branch


def move(reference: Tensor, delta: Tensor) -> Tensor:
    """Move points in logit space, so that they stay in the input.

    Args:
        reference (Tensor): (..., 2) in [0, 1].
        delta (Tensor): (..., 2).

    Returns:
        Tensor: (..., 2) in (0, 1).
    """
    return (inverse_sigmoid(reference, eps=_EPS) + delta).sigmoid()


def move_frames(reference: Tensor, delta: Tensor) -> Tensor:
    """Move the poses of all frames, or of the middle one only.

    Args:
        reference (Tensor): (B, Q, F, K, 2) in [0, 1].
        delta (Tensor): (B, Q, F or 1, K, 2).

    Returns:
        Tensor: (B, Q, F, K, 2).
    """
    frames = reference.shape[2]
    if delta.shape[2] == frames:
        return move(reference, delta)
    middle = frames // 2
    return torch.cat(
        [
            reference[:, :, :middle],
            move(reference[:, :, middle : middle + 1], delta),
            reference[:, :, middle + 1 :],
        ],
        dim=2,
    )


class PersonBranches(nn.Module):
    """Branches of a query that stands for a person.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
        frames (int): Frames whose poses are moved: F, or 1 for the middle.
        with_visibility (bool): Whether visibility is predicted.
    """

    def __init__(
        self,
        embed_dims: int,
        num_keypoints: int,
        frames: int,
        with_visibility: bool,
    ) -> None:
        super().__init__()
        self.layout = (frames, num_keypoints, 2)
        self.cls = class_branch(embed_dims)
        self.pose = nn.ModuleList(
            pose_branch(embed_dims, 2 * embed_dims, 2 * num_keypoints, 4)
            for _ in range(frames)
        )
        self.sigma = sigma_branch(embed_dims, 2 * num_keypoints)
        self.visibility = (
            nn.Linear(embed_dims, num_keypoints) if with_visibility else None
        )

    def forward(self, query: Tensor, reference: Tensor) -> PosePrediction:
        """Read off queries.

        Args:
            query (Tensor): (B, Q, C).
            reference (Tensor): (B, Q, F, K, 2), poses to be moved.

        Returns:
            PosePrediction: With all attributes, but without visibility if it
            is not predicted.
        """
        delta = torch.stack([branch(query) for branch in self.pose], dim=2)
        sigma = self.sigma(query)
        return PosePrediction(
            poses=move_frames(reference, delta.unflatten(-1, (-1, 2))),
            sigma=sigma.unflatten(-1, (-1, 2)),
            visibility=None
            if self.visibility is None
            else self.visibility(query),
            logits=self.cls(query)[..., 0],
        )


class JointBranches(nn.Module):
    """Branches of a query that stands for one joint of a person.

    Args:
        embed_dims (int): Channels C.
        frames (int): Frames whose joints are moved: F, or 1 for the middle.
        with_visibility (bool): Whether visibility is predicted.
    """

    def __init__(
        self, embed_dims: int, frames: int, with_visibility: bool
    ) -> None:
        super().__init__()
        self.pose = nn.ModuleList(
            pose_branch(embed_dims, embed_dims, 2, 3) for _ in range(frames)
        )
        self.sigma = sigma_branch(embed_dims, 2)
        self.visibility = nn.Linear(embed_dims, 1) if with_visibility else None

    def forward(self, query: Tensor, reference: Tensor) -> PosePrediction:
        """Read off joints.

        Args:
            query (Tensor): (B, P, K, C).
            reference (Tensor): (B, P, F, K, 2), poses to be moved.

        Returns:
            PosePrediction: Without logits.
        """
        delta = torch.stack([branch(query) for branch in self.pose], dim=2)
        return PosePrediction(
            poses=move_frames(reference, delta),
            sigma=self.sigma(query),
            visibility=None
            if self.visibility is None
            else self.visibility(query)[..., 0],
        )
