# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .attention import Attention, FeedForward, KeyValue
from .local_attention import LocalAttention


class StepMemory(NamedTuple):
    """What the steps look at besides earlier steps, the same for all.

    Attributes:
        keypoints (KeyValue): Projected keypoints and stop token, K + 1.
        keypoints_mask (Tensor): (N, 1, K + 1), bool, True = may be seen.
        image (KeyValue): Image around each step's reference, each
            (N, T, heads, P, C / heads).
    """

    keypoints: KeyValue
    keypoints_mask: Tensor
    image: KeyValue

    def step(self, index: int) -> StepMemory:
        """What one step looks at."""
        image = (x[:, index : index + 1] for x in self.image)
        return self._replace(image=KeyValue(*image))


class AutoregressiveLayer(nn.Module):
    """Look at earlier keypoints, at all first guesses and at the image.

    All that does not depend on earlier keypoints is projected beforehand, so
    that a step is cheap.

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
        memory: StepMemory,
        mask: Tensor,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """Run T steps after the steps whose keys and values are ``past``.

        Args:
            x (Tensor): (N, T, C).
            position (Tensor): (N, T, C), embedding of the references.
            memory (StepMemory): What these steps look at.
            mask (Tensor): (N, T, past + T), bool, True = may be seen.
            past (KeyValue, optional): Of earlier steps.

        Returns:
            Tuple[Tensor, KeyValue]: New ``x`` and the past extended by T.
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
        x = x + self.memory_attention(
            self.memory_norm(x) + position,
            memory.keypoints,
            memory.keypoints_mask,
        )
        x = x + self.local_attention(
            self.local_norm(x) + position, memory.image
        )
        return x + self.ffn(self.ffn_norm(x)), present
