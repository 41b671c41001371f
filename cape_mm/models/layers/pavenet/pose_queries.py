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
    """Predictions of one stage for Q queries of B windows."""

    poses: Tensor  # (B, Q, F, K, 2), normalised
    sigma: Tensor  # (B, Q, K, 2) of the middle frame, before the sigmoid
    visibility: Tensor | None = None  # logits (B, Q, K) of the middle
    logits: Tensor | None = None  # person logits (B, Q)

    @property
    def middle(self) -> Tensor:
        """Poses in the middle frame: (B, Q, K, 2)."""
        return self.poses[:, :, self.poses.shape[2] // 2]


class DecodedQueries(NamedTuple):
    """Q queries of B windows after the pose decoder, the tracks first."""

    content: Tensor  # (B, Q, C) after the last layer
    layers: list[PosePrediction]  # of each layer
    valid: Tensor  # (B, Q) bool, False for padding
    is_track: Tensor  # (B, Q) bool
    # Identities (B, Q) of the track queries, int64, -1 for unknown ones and
    # detect queries.
    query_ids: Tensor
    position: Tensor | None = None  # (B, Q, C), handed over

    @property
    def last(self) -> PosePrediction:
        """Predictions of the last layer."""
        return self.layers[-1]


class FramePrediction(NamedTuple):
    """Final predictions of Q queries for the middle frames of B windows."""

    content: Tensor  # (B, Q, C)
    poses: Tensor  # (B, Q, K, 2), normalised, of the last decoder
    logits: Tensor  # person logits (B, Q), -inf for padding
    sigma: Tensor  # (B, Q, K, 2), normalised
    visibility: Tensor  # (B, Q, K) in [0, 1], 1 if not predicted
    position: Tensor | None = None  # embedding (B, Q, C), handed over

    def certainty(self, size: Tensor) -> Tensor:
        """Probability (B, Q, K) that keypoints are near their predictions.

        That is, nearer than a twentieth of the person's longer side in
        pixels, on both axes, under a Laplace distribution with the sigmas.
        ``size`` is width and height (2,) of the input.
        """
        side = pose_extent(self.poses * size).amax(dim=-1)
        near = _NEAR * side[..., None, None] / (self.sigma * size)
        return (1 - (-near).exp()).prod(dim=-1)


def select_queries(
    rank: Tensor, eligible: Tensor, limit: int
) -> tuple[Tensor, Tensor]:
    """Numbers (B, P) of the best eligible queries, and their mask (B, P).

    ``rank`` and ``eligible`` are (B, Q). P is the largest number in a window,
    at least 1 and at most ``limit``; the mask is False for padding.
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
    """Width and height (..., 2) of the tight boxes of poses (..., K, 2)."""
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
    of a person; then there is no person logit. The poses of F ``frames``
    move, or, with 1, that of the middle one.
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
        """Predict from queries (B, Q, C), or (B, Q * K, C) per keypoint.

        ``reference``: poses (B, Q, F, K, 2), normalised, to move.
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
