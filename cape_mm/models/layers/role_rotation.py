# Copyright (c) cape_mm contributors. All rights reserved.
"""Let every member of an episode be support and query in turn."""

from __future__ import annotations

import torch
from torch import Tensor

from cape_mm.structures import EpisodeBatch


def rotate_members(support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Shift the roles of S supports and Q queries cyclically.

    Each of the B episodes becomes S + Q episodes, in the r-th of which the
    members r, r + 1, ... are the supports. The backbone has seen every image
    once; the head learns from S + Q times as many pairs.

    Args:
        support (Tensor): (B, S, ...).
        query (Tensor): (B, Q, ...).

    Returns:
        Tuple[Tensor, Tensor]: (B * (S + Q), S, ...) and
        (B * (S + Q), Q, ...).
    """
    members = torch.cat([support, query], dim=1)
    steps = torch.arange(members.shape[1], device=members.device)
    order = (steps.unsqueeze(0) + steps.unsqueeze(1)) % len(steps)
    rotated = members[:, order].flatten(0, 1)
    sizes = [support.shape[1], query.shape[1]]
    return rotated.split(sizes, dim=1)


def rotate_batch(batch: EpisodeBatch) -> EpisodeBatch:
    """Apply :func:`rotate_members` to the labels of a batch.

    Args:
        batch (EpisodeBatch): B episodes.

    Returns:
        EpisodeBatch: B * (S + Q) episodes.
    """
    support_points, query_points = rotate_members(
        batch.support_points, batch.query_points
    )
    support_valid, query_valid = rotate_members(
        batch.support_valid, batch.query_valid
    )
    num_members = len(support_points) // len(batch.adjacency)
    return EpisodeBatch(
        support_points,
        support_valid,
        query_points,
        query_valid,
        batch.adjacency.repeat_interleave(num_members, dim=0),
    )
