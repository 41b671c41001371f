# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

from torch import Tensor, nn

from .attention import Attention, FeedForward
from .local_attention import LocalAttention


class RefinementLayer(nn.Module):
    """Let all keypoints look at one another and at the image, in parallel.

    Args:
        embed_dims (int): Channels C.
        num_heads (int): Attention heads.
        num_levels (int): Feature levels.
    """

    def __init__(
        self, embed_dims: int, num_heads: int, num_levels: int
    ) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(embed_dims)
        self.self_attention = Attention(embed_dims, num_heads)
        self.local_norm = nn.LayerNorm(embed_dims)
        self.local_attention = LocalAttention(
            embed_dims, num_heads, num_levels
        )
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims)

    def forward(
        self,
        x: Tensor,
        position: Tensor,
        reference: Tensor,
        features: Sequence[Tensor],
        mask: Tensor,
    ) -> Tensor:
        """Refine T tokens.

        Args:
            x (Tensor): (N, T, C).
            position (Tensor): (N, T, C), embedding of ``reference``.
            reference (Tensor): (N, T, 2), in [0, 1] of the input.
            features (Sequence[Tensor]): Levels of shape (N, C, H, W).
            mask (Tensor): (N, T, T), bool, True = may be seen.

        Returns:
            Tensor: (N, T, C).
        """
        image = self.local_attention.look(x + position, reference, features)
        normed = self.self_norm(x)
        placed = normed + position
        x = x + self.self_attention(
            placed, self.self_attention.project(placed, normed), mask
        )
        x = x + self.local_attention(self.local_norm(x) + position, image)
        return x + self.ffn(self.ffn_norm(x))
