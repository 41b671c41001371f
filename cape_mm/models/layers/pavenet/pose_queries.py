# Copyright (c) cape_mm contributors. All rights reserved.
"""Queries that stand for persons or keypoints, and what is read off them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from mmdet.models.layers import MLP, inverse_sigmoid
from torch import Tensor, nn

#: Initial bias of the sigmas: sigmoid(-2) is 0.12 of the input.
_SIGMA_BIAS = -2.0
_SMALL_GAIN = 0.01
_EPS = 1e-3
#: Share of a person's longer side within which a keypoint counts as near.
_NEAR = 0.05


class PosePrediction(NamedTuple):
    """Predictions of one stage for Q queries of B windows.

    Attributes:
        poses (Tensor): Poses (B, Q, F, K, 2), normalised.
        sigma (Tensor): Sigmas (B, Q, K, 2) of the middle frame, before the
            sigmoid.
        visibility (Tensor, optional): Logits (B, Q, K) of the middle frame.
        logits (Tensor, optional): Person logits (B, Q).
    """

    poses: Tensor
    sigma: Tensor
    visibility: Tensor | None = None
    logits: Tensor | None = None

    @property
    def middle(self) -> Tensor:
        """Poses in the middle frame: (B, Q, K, 2)."""
        return self.poses[:, :, self.poses.shape[2] // 2]


class DecodedQueries(NamedTuple):
    """Q queries of B windows after the pose decoder, the tracks first.

    Attributes:
        content (Tensor): Features (B, Q, C) after the last layer.
        layers (List[PosePrediction]): Predictions of each layer.
        valid (Tensor): (B, Q) bool, False for padding.
        is_track (Tensor): (B, Q) bool.
        query_ids (Tensor): Identities (B, Q) of the track queries, int64, -1
            for unknown ones and detect queries.
        position (Tensor, optional): Embedding (B, Q, C) of the last poses,
            if it is handed over.
    """

    content: Tensor
    layers: list[PosePrediction]
    valid: Tensor
    is_track: Tensor
    query_ids: Tensor
    position: Tensor | None = None

    @property
    def last(self) -> PosePrediction:
        """Predictions of the last layer."""
        return self.layers[-1]


class FramePrediction(NamedTuple):
    """Final predictions of Q queries for the middle frames of B windows.

    Attributes:
        content (Tensor): Features (B, Q, C).
        poses (Tensor): Poses (B, Q, K, 2), normalised, refined if there is a
            keypoint decoder.
        logits (Tensor): Person logits (B, Q), -inf for padding.
        sigma (Tensor): Sigmas (B, Q, K, 2), normalised.
        visibility (Tensor): Visibility (B, Q, K) in [0, 1]; 1 if it is not
            predicted.
        position (Tensor, optional): Embedding (B, Q, C) of the poses of the
            pose decoder, if it is handed over.
    """

    content: Tensor
    poses: Tensor
    logits: Tensor
    sigma: Tensor
    visibility: Tensor
    position: Tensor | None = None

    def certainty(self, queries: Tensor, size: Tensor) -> Tensor:
        """Probability that keypoints are near their predicted locations.

        That is, nearer than a twentieth of the person's longer side in
        pixels, on both axes, under a Laplace distribution with the sigmas.

        Args:
            queries (Tensor): Numbers (M,) of queries of the first window.
            size (Tensor): Width and height (2,) of the input, pixels.

        Returns:
            Tensor: Probabilities (M, K).
        """
        side = pose_extent(self.poses[0, queries] * size).amax(dim=-1)
        near = _NEAR * side[:, None, None] / (self.sigma[0, queries] * size)
        return (1 - (-near).exp()).prod(dim=-1)


def select_queries(
    rank: Tensor, eligible: Tensor, limit: int
) -> tuple[Tensor, Tensor]:
    """Select queries, padded to the largest number in a window.

    Args:
        rank (Tensor): Rank (B, Q), higher first.
        eligible (Tensor): (B, Q) bool, False for queries to leave out.
        limit (int): Maximum number of queries of a window.

    Returns:
        tuple:
        - selected (Tensor): Query numbers (B, P), int64; P is at least 1.
        - valid (Tensor): (B, P) bool, False for padding.
    """
    places = min(max(int(eligible.sum(dim=1).max()), 1), limit)
    order = rank.masked_fill(~eligible, -torch.inf).argsort(
        dim=1, descending=True, stable=True
    )[:, :places]
    return order, eligible.gather(1, order)


def gather_queries(values: Tensor, selected: Tensor) -> Tensor:
    """Values (B, Q, ...) of selected queries (B, P): (B, P, ...)."""
    rows = torch.arange(len(selected), device=selected.device)[:, None]
    return values[rows, selected]


def scatter_queries(
    values: Tensor, selected: Tensor, valid: Tensor, new: Tensor
) -> Tensor:
    """Replace values (B, Q, ...) of selected queries by (B, P, ...)."""
    rows, places = valid.nonzero(as_tuple=True)
    changed = values.clone()
    changed[rows, selected[rows, places]] = new[rows, places].to(values.dtype)
    return changed


def pose_extent(poses: Tensor) -> Tensor:
    """Width and height of the tight boxes of poses.

    Args:
        poses (Tensor): Poses (..., K, 2) in any frame.

    Returns:
        Tensor: (..., 2), in the units of the poses.
    """
    return poses.amax(dim=-2) - poses.amin(dim=-2)


def class_branch(embed_dims: int) -> nn.Linear:
    """A linear layer with an initial probability of 0.01."""
    layer = nn.Linear(embed_dims, 1)
    nn.init.constant_(layer.bias, -math.log(99))
    return layer


def pose_branch(
    embed_dims: int, hidden: int, outputs: int, layers: int
) -> MLP:
    """Layers with the initial output 0: the pose stays where it is."""
    branch = _mlp(embed_dims, hidden, outputs, layers)
    nn.init.zeros_(branch.layers[-1].weight)
    nn.init.zeros_(branch.layers[-1].bias)
    return branch


def sigma_branch(embed_dims: int, outputs: int) -> MLP:
    """Three layers with nearly the same initial sigma everywhere."""
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


class PoseBranches(nn.Module):
    """Branches of the queries of one decoder layer.

    A query stands for a person, or, with ``per_keypoint``, for one keypoint
    of a person; then there is no person logit.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
        frames (int): Number of frames whose poses move: F, or 1 for the
            middle one.
        with_visibility (bool): Whether visibility is predicted.
        per_keypoint (bool): Whether queries stand for keypoints.
    """

    def __init__(
        self,
        embed_dims: int,
        num_keypoints: int,
        frames: int,
        with_visibility: bool,
        per_keypoint: bool,
    ) -> None:
        super().__init__()
        self.num_keypoints = num_keypoints
        outputs = 1 if per_keypoint else num_keypoints
        self.cls = None if per_keypoint else class_branch(embed_dims)
        hidden, layers = (1, 3) if per_keypoint else (2, 4)
        self.pose = nn.ModuleList(
            pose_branch(embed_dims, hidden * embed_dims, 2 * outputs, layers)
            for _ in range(frames)
        )
        self.sigma = sigma_branch(embed_dims, 2 * outputs)
        self.visibility = (
            nn.Linear(embed_dims, outputs) if with_visibility else None
        )

    def forward(self, query: Tensor, reference: Tensor) -> PosePrediction:
        """Predict from queries.

        Args:
            query (Tensor): Queries (B, Q, C), or (B, Q * K, C) per keypoint.
            reference (Tensor): Poses (B, Q, F, K, 2), normalised, to move.

        Returns:
            PosePrediction: Predictions for the Q persons.
        """
        shape = (*reference.shape[:2], self.num_keypoints)
        delta = torch.stack(
            [branch(query).view(*shape, 2) for branch in self.pose], dim=2
        )
        return PosePrediction(
            poses=_move(reference, delta),
            sigma=self.sigma(query).view(*shape, 2),
            visibility=None
            if self.visibility is None
            else self.visibility(query).view(shape),
            logits=None if self.cls is None else self.cls(query)[..., 0],
        )


def _move(reference: Tensor, delta: Tensor) -> Tensor:
    """Move (B, Q, F, K, 2) by (B, Q, F or 1, K, 2) logits, inside (0, 1)."""
    frames = reference.shape[2]
    middle = frames // 2
    # Without a delta for each frame only the middle one moves.
    before, after = (
        (0, frames) if delta.shape[2] == frames else (middle, middle + 1)
    )
    moved = inverse_sigmoid(reference[:, :, before:after], eps=_EPS) + delta
    return torch.cat(
        [
            reference[:, :, :before],
            moved.sigmoid(),
            reference[:, :, after:],
        ],
        dim=2,
    )
