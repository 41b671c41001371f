# Copyright (c) cape_mm contributors. All rights reserved.
"""In which order keypoints are decoded."""

from __future__ import annotations

from torch import Tensor


def most_certain_first(scores: Tensor, valid: Tensor) -> Tensor:
    """Order keypoints by certainty, those missing in the support last.

    There, nothing that matters depends on them. Equal scores keep their
    order.

    Args:
        scores (Tensor): (N, K), not negative.
        valid (Tensor): (N, K), bool.

    Returns:
        Tensor: (N, K), int64; step *i* decodes keypoint ``order[:, i]``.
    """
    rank = scores.masked_fill(~valid, -1.0)
    return rank.argsort(dim=1, descending=True, stable=True)


def reorder(x: Tensor, order: Tensor) -> Tensor:
    """Reorder (N, K, D) along K by (N, K) indices."""
    return x.take_along_dim(order.unsqueeze(-1), dim=1)
