# Copyright (c) cape_mm contributors. All rights reserved.
from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from .attention import Attention, FeedForward, KeyValue
from .local_attention import LocalAttention


class DecoderContext(NamedTuple):
    """What is known before the first keypoint is decoded.

    Attributes:
        tokens (Tensor): (N, K, C), support tokens in decoding order.
        valid (Tensor): (N, K), bool, keypoints the support shows. They come
            first in decoding order.
        proposals (Tensor): (N, K, 2), first references, ``(x, y)`` in [0, 1]
            of the query's input.
        features (Tuple[Tensor]): Levels of the query, (N, C, H, W).
        memory (Tuple[KeyValue]): Support memory, projected once per layer.
        memory_mask (Tensor): (N, 1, K + 1), bool.
    """

    tokens: Tensor
    valid: Tensor
    proposals: Tensor
    features: Tuple[Tensor, ...]
    memory: Tuple[KeyValue, ...]
    memory_mask: Tensor


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

    def forward(
        self,
        x: Tensor,
        position: Tensor,
        reference: Tensor,
        context: DecoderContext,
        memory: KeyValue,
        mask: Tensor,
        past: Optional[KeyValue],
    ) -> Tuple[Tensor, KeyValue]:
        """Run T steps after the steps whose keys and values are ``past``.

        Args:
            x (Tensor): (N, T, C).
            position (Tensor): (N, T, C), embedding of ``reference``.
            reference (Tensor): (N, T, 2), in [0, 1] of the input.
            context (DecoderContext): The episode.
            memory (KeyValue): The context's memory for this layer.
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
            self.memory_norm(x) + position, memory, context.memory_mask
        )
        x = x + self.local_attention(
            self.local_norm(x) + position, reference, context.features
        )
        return x + self.ffn(self.ffn_norm(x)), present
