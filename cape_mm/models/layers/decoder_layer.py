# Copyright (c) cape_mm contributors. All rights reserved.
from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from .attention import Attention, FeedForward, KeyValue
from .local_attention import LocalAttention


class LayerMemory(NamedTuple):
    """What one layer looks at besides earlier steps, the same at all steps.

    Attributes:
        support (KeyValue): Projected support tokens and stop token, K + 1.
        image (Tuple[Tensor]): Projected levels of the query, each
            (N, 2 * C, H, W).
    """

    support: KeyValue
    image: Tuple[Tensor, ...]


class DecoderLayer(nn.Module):
    """Look at earlier keypoints, at the support and at the image.

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
        self.memory_norm = nn.LayerNorm(embed_dims)
        self.memory_attention = Attention(embed_dims, num_heads)
        self.local_norm = nn.LayerNorm(embed_dims)
        self.local_attention = LocalAttention(
            embed_dims, num_heads, num_levels
        )
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims)

    def project(
        self, support: Tensor, features: Sequence[Tensor]
    ) -> LayerMemory:
        """Project what stays the same over the steps.

        Args:
            support (Tensor): (N, K + 1, C), support tokens and stop token.
            features (Sequence[Tensor]): Levels of the query, (N, C, H, W).

        Returns:
            LayerMemory: Input of :meth:`forward`.
        """
        return LayerMemory(
            self.memory_attention.project(support, support),
            self.local_attention.project(features),
        )

    def forward(
        self,
        x: Tensor,
        position: Tensor,
        reference: Tensor,
        memory: LayerMemory,
        memory_mask: Tensor,
        mask: Tensor,
        past: Optional[KeyValue],
    ) -> Tuple[Tensor, KeyValue]:
        """Run T steps after the steps whose keys and values are ``past``.

        Args:
            x (Tensor): (N, T, C).
            position (Tensor): (N, T, C), embedding of ``reference``.
            reference (Tensor): (N, T, 2), in [0, 1] of the input.
            memory (LayerMemory): From :meth:`project`.
            memory_mask (Tensor): (N, 1, K + 1), bool.
            mask (Tensor): (N, T, past + T), bool.
            past (KeyValue, optional): Of earlier steps.

        Returns:
            Tuple[Tensor, KeyValue]: New ``x`` and the past extended by T.
        """
        normed = self.self_norm(x)
        present = self.self_attention.project(normed + position, normed)
        if past is not None:
            present = KeyValue(
                torch.cat([past.key, present.key], dim=2),
                torch.cat([past.value, present.value], dim=2),
            )
        x = x + self.self_attention(normed + position, present, mask)
        x = x + self.memory_attention(
            self.memory_norm(x) + position, memory.support, memory_mask
        )
        x = x + self.local_attention(
            self.local_norm(x) + position, reference, memory.image
        )
        return x + self.ffn(self.ffn_norm(x)), present
