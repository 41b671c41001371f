# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..attention import Attention, FeedForward, KeyValue
from .local_attention import LocalAttention


class DecoderMemory(NamedTuple):
    """Projected proposals, to which autoregressive steps attend."""

    keypoints: KeyValue  # K keypoints, *stop*: (N, heads, K + 1, C / heads)
    mask: Tensor  # (N, 1, K + 1) bool, True = attend


class DecoderLayer(nn.Module):
    """Attend to other keypoints and to the image around the own reference.

    A refinement layer runs all T keypoints in parallel. The autoregressive
    layer runs steps one by one after the ``past`` ones, and attends to the
    memory of all proposals as well; whatever does not depend on earlier steps
    is projected beforehand, so that a step is cheap.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        with_memory: bool = False,
    ) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(embed_dims)
        self.self_attention = Attention(embed_dims, num_heads)
        if with_memory:
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
        image: KeyValue,
        mask: Tensor,
        memory: DecoderMemory | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """Run T tokens: the new ones (N, T, C), and the past extended by T.

        ``x`` and ``position`` are (N, T, C), ``image`` is that of
        :meth:`LocalAttention.sample`, ``mask`` (N, T, past + T) bool.
        """
        normed = self.self_norm(x)
        placed = normed + position
        present = self.self_attention.project(placed, normed)
        if past is not None:
            present = KeyValue(
                torch.cat([past.key, present.key], dim=2),
                torch.cat([past.value, present.value], dim=2),
            )
        x = x + self.self_attention(placed, present, mask)
        if memory is not None:
            x = x + self.memory_attention(
                self.memory_norm(x) + position, *memory
            )
        x = x + self.local_attention(self.local_norm(x) + position, image)
        return x + self.ffn(self.ffn_norm(x)), present
