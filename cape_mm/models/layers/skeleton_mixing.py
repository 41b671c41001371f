# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor, nn


class SkeletonMixing(nn.Module):
    """One residual graph convolution along the skeleton.

    Every keypoint receives the mean of its valid neighbours, so a missing
    keypoint still learns where it hangs, but never speaks. Without an edge
    the layer is the identity.

    Args:
        embed_dims (int): Channels C.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.message = nn.Linear(embed_dims, embed_dims, bias=False)

    def forward(
        self, tokens: Tensor, adjacency: Tensor, valid: Tensor
    ) -> Tensor:
        """Mix tokens of neighbouring keypoints.

        Args:
            tokens (Tensor): (N, K, C).
            adjacency (Tensor): (N, K, K), bool, symmetric.
            valid (Tensor): (N, K), bool, keypoints that may speak.

        Returns:
            Tensor: (N, K, C).
        """
        weights = (adjacency & valid.unsqueeze(1)).to(tokens.dtype)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
        return tokens + weights @ self.message(self.norm(tokens))
