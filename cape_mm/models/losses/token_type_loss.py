# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .masked_mean import masked_mean

KEYPOINT, STOP = 0, 1


def token_type_loss(logits: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of token types: keypoints, and *stop* at the end.

    Args:
        logits (Tensor): (N, K + 1, 2), types *keypoint* and *stop*.
        known (Tensor): (N, K), bool, keypoints that count; *stop* always
            does.

    Returns:
        Tensor: Scalar, see :func:`masked_mean`.
    """
    types = torch.full_like(logits[..., 0], KEYPOINT, dtype=torch.long)
    types[:, -1] = STOP
    cross_entropy = F.cross_entropy(
        logits.transpose(1, 2), types, reduction='none'
    )
    stop = torch.ones_like(known[:, :1])
    return masked_mean(cross_entropy, torch.cat([known, stop], dim=1))
