# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class KeyValue(NamedTuple):
    """Projected keys and values, each (N, heads, L, C / heads)."""

    key: Tensor
    value: Tensor


class Attention(nn.Module):
    """Multi-head attention whose keys and values are projected separately.

    Keeping the projection apart lets a decoder project its memory once and
    append to its cache step by step. Masks follow the project's convention
    ``True = attend``, which is also that of
    :func:`~torch.nn.functional.scaled_dot_product_attention`.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(
                f'embed_dims is {embed_dims}, no multiple of num_heads, which '
                f'is {num_heads}'
            )
        self.num_heads = num_heads
        self.query = nn.Linear(embed_dims, embed_dims)
        self.key = nn.Linear(embed_dims, embed_dims)
        self.value = nn.Linear(embed_dims, embed_dims)
        self.out = nn.Linear(embed_dims, embed_dims)

    def project(self, key: Tensor, value: Tensor) -> KeyValue:
        """Project keys (N, L, C) and values (N, L, C)."""
        return KeyValue(
            self._split_heads(self.key(key)),
            self._split_heads(self.value(value)),
        )

    def forward(
        self,
        query: Tensor,
        memory: KeyValue,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Attend from queries (N, T, C) to L projected keys and values.

        The mask is bool, broadcastable to (N, T, L), True = attend. Every
        query needs one True.
        """
        if mask is not None:
            mask = mask.unsqueeze(1)
        attended = F.scaled_dot_product_attention(
            self._split_heads(self.query(query)),
            memory.key,
            memory.value,
            attn_mask=mask,
        )
        return self.out(attended.transpose(1, 2).flatten(2))

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear layers with a GELU between."""

    def __init__(self, embed_dims: int, expansion: int = 2) -> None:
        super().__init__(
            nn.Linear(embed_dims, expansion * embed_dims),
            nn.GELU(),
            nn.Linear(expansion * embed_dims, embed_dims),
        )
