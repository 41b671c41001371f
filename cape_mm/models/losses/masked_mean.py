# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid entries of each row, then over the rows.

    Rows count alike, however many keypoints they have, and the number of
    rows is the same on every rank: averaging gradients over ranks then
    equals one process with the whole batch.

    Args:
        values (Tensor): (N, K), finite.
        valid (Tensor): (N, K), bool; a row without a valid entry adds 0.

    Returns:
        Tensor: Scalar.
    """
    weights = valid.to(values.dtype)
    counts = weights.sum(dim=-1).clamp(min=1)
    return ((values * weights).sum(dim=-1) / counts).mean()
