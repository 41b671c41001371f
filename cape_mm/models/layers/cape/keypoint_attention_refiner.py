# Copyright (c) cape_mm contributors. All rights reserved.
"""The layers of SCAPE: keypoints perceive images, attention is refined."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GlobalKeypointPerceptor(nn.Module):
    """Cross-attention of keypoint tokens to themselves and both images.

    Pre-norm for the queries alone; keys and values are what the module is
    given, the same in every layer.

    Args:
        embed_dims (int): Channels E.
        num_heads (int): Number of attention heads.
        num_layers (int): Number of layers.
        feedforward_channels (int): Width of the feed-forward networks.
        dropout (float): Dropout probability.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_layers: int,
        feedforward_channels: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _PerceptorLayer(
                embed_dims, num_heads, feedforward_channels, dropout
            )
            for _ in range(num_layers)
        )

    def forward(self, tokens: Tensor, cells: Tensor, valid: Tensor) -> Tensor:
        """Let tokens (N, K, E) attend to themselves and cells (N, L, E).

        ``valid`` (N, K) is the mask of tokens that are attended to.
        """
        context = torch.cat([tokens, cells], dim=1)
        every_cell = valid.new_ones(cells.shape[:2])
        valid = torch.cat([valid, every_cell], dim=1)[:, None, None]
        for layer in self.layers:
            tokens = layer(tokens, context, valid)
        return tokens


class _PerceptorLayer(nn.Module):
    """Attention to a context and a feed-forward network, pre-norm."""

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_channels: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(embed_dims)
        self.query = nn.Linear(embed_dims, embed_dims, bias=False)
        self.key = nn.Linear(embed_dims, embed_dims, bias=False)
        self.value = nn.Linear(embed_dims, embed_dims, bias=False)
        self.output = nn.Linear(embed_dims, embed_dims)
        self.dropout = nn.Dropout(dropout)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = _feed_forward(embed_dims, feedforward_channels, dropout)

    def forward(self, tokens: Tensor, context: Tensor, valid: Tensor):
        query = _split_heads(self.query(self.norm(tokens)), self.num_heads)
        key = _split_heads(self.key(context), self.num_heads)
        value = _split_heads(self.value(context), self.num_heads)
        logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        attention = logits.masked_fill(~valid, -torch.inf).softmax(dim=-1)
        attended = self.output(_join_heads(attention @ value))
        tokens = tokens + self.dropout(attended)
        return tokens + self.ffn(self.ffn_norm(tokens))


class KeypointAttentionRefiner(nn.Module):
    """Refine attention among keypoints by what others attend to.

    Expert networks over the key axis, mixed by a gate of the attending token,
    add to the logits. The number of keypoints is a size of the weights.

    Args:
        num_slots (int): Number of keypoints K.
        head_dims (int): Channels of one attention head.
        num_experts (int): Number of experts. Defaults to 4.
    """

    def __init__(
        self, num_slots: int, head_dims: int, num_experts: int = 4
    ) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Linear(num_slots, num_slots // 2),
                nn.ReLU(),
                nn.Linear(num_slots // 2, num_slots),
                nn.ReLU(),
            )
            for _ in range(num_experts)
        )
        self.gate = nn.Sequential(
            nn.Linear(head_dims, num_experts),
            nn.LayerNorm(num_experts),
            nn.Softmax(dim=-1),
        )

    def forward(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """Refined logits (N, heads, K, K) by tokens (N, heads, K, D)."""
        weights = self.gate(tokens)  # (N, heads, K, experts)
        refined = torch.stack(
            [expert(logits) for expert in self.experts], dim=-1
        )
        return logits + (refined * weights.unsqueeze(-2)).sum(dim=-1)


class RefinedAttentionLayer(nn.Module):
    """Self-attention over keypoints and image, refined among keypoints.

    Pre-norm. Keypoints and image have projections of their own to queries and
    keys, a common one to values.

    Args:
        embed_dims (int): Channels E.
        num_heads (int): Number of attention heads.
        feedforward_channels (int): Width of the feed-forward network.
        num_slots (int): Number of keypoints.
        dropout (float): Dropout probability.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_channels: int,
        num_slots: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_slots = num_slots
        self.norm = nn.LayerNorm(embed_dims)
        self.token_query_key = nn.Linear(
            embed_dims, 2 * embed_dims, bias=False
        )
        self.cell_query_key = nn.Linear(embed_dims, 2 * embed_dims, bias=False)
        self.value = nn.Linear(embed_dims, embed_dims, bias=False)
        self.refiner = KeypointAttentionRefiner(
            num_slots, embed_dims // num_heads
        )
        self.output = nn.Linear(embed_dims, embed_dims)
        self.dropout = nn.Dropout(dropout)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = _feed_forward(embed_dims, feedforward_channels, dropout)

    def forward(self, sequence: Tensor, valid: Tensor) -> Tensor:
        """Run a sequence (N, K + L, E), K keypoints and then L cells.

        ``valid`` (N, K) is the mask of keypoints that are attended to.
        """
        slots = self.num_slots
        source = self.norm(sequence)
        query, key = (
            torch.cat(
                [
                    self.token_query_key(source[:, :slots]),
                    self.cell_query_key(source[:, slots:]),
                ],
                dim=1,
            )
            .unflatten(-1, (2 * self.num_heads, -1))
            .transpose(1, 2)
            .chunk(2, dim=1)
        )
        logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        every_cell = valid.new_ones(len(source), source.shape[1] - slots)
        hidden = ~torch.cat([valid, every_cell], dim=1)[:, None, None]
        logits = logits.masked_fill(hidden, -torch.inf)
        # The gate of the published weights reads the sequence as if it were
        # ordered by heads, so that a "head" holds parts of many tokens.
        mixed = source.reshape(query.shape)[:, :, :slots]
        refined = self.refiner(logits[:, :, :slots, :slots], mixed)
        above = torch.cat([refined, logits[:, :, :slots, slots:]], dim=-1)
        logits = torch.cat([above, logits[:, :, slots:]], dim=2)
        value = _split_heads(self.value(source), self.num_heads)
        attended = self.output(_join_heads(logits.softmax(dim=-1) @ value))
        sequence = sequence + self.dropout(attended)
        return sequence + self.ffn(self.ffn_norm(sequence))


def _feed_forward(
    embed_dims: int, channels: int, dropout: float
) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(embed_dims, channels),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(channels, embed_dims),
        nn.Dropout(dropout),
    )


def _split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Turn (N, L, E) into (N, heads, L, E / heads)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def _join_heads(x: Tensor) -> Tensor:
    """Undo :func:`_split_heads`."""
    return x.transpose(1, 2).flatten(-2)
