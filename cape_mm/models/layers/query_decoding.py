# Copyright (c) cape_mm contributors. All rights reserved.
"""Queries of a window: which there are, and which of them are refined."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .pose_branches import PosePrediction


class DecodedQueries(NamedTuple):
    """Q queries of B windows after the pose decoder, the tracks first.

    Attributes:
        content (Tensor): (B, Q, C), after the last layer.
        layers (List[PosePrediction]): One per layer.
        valid (Tensor): (B, Q) bool, False for padding.
        is_track (Tensor): (B, Q) bool.
        query_ids (Tensor): (B, Q) int64, identities of the track queries, -1
            for none and for all others.
        position (Tensor, optional): (B, Q, C), embedding of the last poses,
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


def pick_queries(
    rank: Tensor, wanted: Tensor, limit: int
) -> tuple[Tensor, Tensor]:
    """Choose queries, in as few places as needed.

    Args:
        rank (Tensor): (B, Q), higher first.
        wanted (Tensor): (B, Q) bool, others are not chosen.
        limit (int): Most queries of a window.

    Returns:
        tuple:
        - chosen (Tensor): (B, P) int64, numbers of queries; P is at least 1.
        - kept (Tensor): (B, P) bool, False for padding.
    """
    places = min(max(int(wanted.sum(dim=1).max()), 1), limit)
    order = rank.masked_fill(~wanted, -torch.inf).argsort(
        dim=1, descending=True, stable=True
    )[:, :places]
    return order, wanted.gather(1, order)


def take(values: Tensor, chosen: Tensor) -> Tensor:
    """Values (B, Q, ...) of chosen queries (B, P): (B, P, ...)."""
    rows = torch.arange(len(chosen), device=chosen.device)[:, None]
    return values[rows, chosen]


def put(values: Tensor, chosen: Tensor, kept: Tensor, new: Tensor) -> Tensor:
    """Replace values (B, Q, ...) of chosen queries by new ones (B, P, ...)."""
    rows, places = kept.nonzero(as_tuple=True)
    changed = values.clone()
    changed[rows, chosen[rows, places]] = new[rows, places].to(values.dtype)
    return changed
