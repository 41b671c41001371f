# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..points import at_least_float32
from .graph_convolution import GraphFeedForward
from .sine_position import sine_points

_EPS = 1e-3


class Refinement(NamedTuple):
    """Points of N queries after each of L layers."""

    inner: Tensor  # (L + 1, N, K, 2), of the decoder itself, start first
    points: Tensor  # (L, N, K, 2), the result: for losses and prediction


class Guidance(NamedTuple):
    """What the decoder knows of the support, apart from its tokens."""

    valid: Tensor  # (N, K) bool, keypoints to attend to; one at least
    edges: Tensor  # (N, K, K), rows normalised
    walks: Tensor | None = None  # (N, W, K, K), walk probabilities

    def repeat(self, count: int) -> Guidance:
        """Repeat every row ``count`` times in a row."""
        return Guidance(
            *(
                None if x is None else x.repeat_interleave(count, dim=0)
                for x in self
            )
        )


class WalkBias(nn.Module):
    """Attention bias of pairs of keypoints from random walks on the graph.

    The probabilities to get from one to the other in 0, 1, 2 ... steps
    become one logit per attention head (EdgeCape, stage 3).

    Args:
        num_steps (int): Number W of walk lengths, with 0.
        num_heads (int): Number of attention heads.
    """

    def __init__(self, num_steps: int, num_heads: int) -> None:
        super().__init__()
        hidden_channels = num_steps - 1 + num_heads  # as published
        self.mlp = nn.Sequential(
            nn.Linear(num_steps, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, num_heads),
        )

    def forward(self, walks: Tensor) -> Tensor:
        """Turn walks (N, W, K, K) into logits (N, heads, K, K)."""
        return self.mlp(walks.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class RefinementLayer(nn.Module):
    """Self-attention, cross-attention to the image, feed-forward; post-norm.

    Cross-attention concatenates content and position of queries and keys
    instead of adding them.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feed_forward: GraphFeedForward,
        self_attention_position: bool,
        num_walk_steps: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.self_attention_position = self_attention_position
        self.self_attention = nn.MultiheadAttention(
            embed_dims, num_heads, dropout, batch_first=True
        )
        self.walk_bias = (
            WalkBias(num_walk_steps, num_heads) if num_walk_steps else None
        )
        self.cross_attention = nn.MultiheadAttention(
            2 * embed_dims,
            num_heads,
            dropout,
            vdim=embed_dims,
            batch_first=True,
        )
        self.cross_output = nn.Linear(2 * embed_dims, embed_dims)
        self.ffn = feed_forward
        self.self_norm = nn.LayerNorm(embed_dims)
        self.cross_norm = nn.LayerNorm(embed_dims)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        position: Tensor,
        cells: Tensor,
        placed_cells: Tensor,
        guidance: Guidance,
    ) -> Tensor:
        """Run tokens (N, K, E) with positions (N, K, E).

        ``cells`` are (N, L, E), ``placed_cells`` (N, L, 2 * E) cells and their
        positions.
        """
        placed = tokens
        if self.self_attention_position:
            placed = tokens + position
        attended = self.self_attention(
            placed,
            placed,
            tokens,
            attn_mask=self._attention_mask(guidance),
            need_weights=False,
        )[0]
        tokens = self.self_norm(tokens + self.dropout(attended))
        attended = self.cross_attention(
            torch.cat([tokens, position.expand_as(tokens)], dim=-1),
            placed_cells,
            cells,
            need_weights=False,
        )[0]
        attended = self.cross_output(attended)
        tokens = self.cross_norm(tokens + self.dropout(attended))
        transformed = self.ffn(tokens, guidance.edges, guidance.valid)
        return self.ffn_norm(tokens + self.dropout(transformed))

    def _attention_mask(self, guidance: Guidance) -> Tensor:
        """Logits (N * heads, K, K) to add to those of the attention."""
        size = guidance.valid.shape[-1]
        hidden = ~guidance.valid[:, None, None]
        if self.walk_bias is None:
            bias = guidance.valid.new_zeros(
                hidden.shape, dtype=self.self_norm.weight.dtype
            )
        else:
            bias = self.walk_bias(guidance.walks)
        mask = bias.masked_fill(hidden, -torch.inf)
        return mask.expand(-1, self.num_heads, size, size).flatten(0, 1)


class RefinementDecoder(nn.Module):
    r"""Move points step by step towards the keypoints.

    Layer *l* starts from the points :math:`b_l`. Its point MLP gives
    :math:`b_{l+1} = \sigma(\mathrm{logit}(b_l) + \mathrm{MLP}_l(t))` from
    the tokens *t*, which the next layer uses without gradient. The result is
    the same step from the *normalised* tokens, and with the gradient of
    :math:`b_l` for :math:`l > 0`: two different points, of which the published
    weights need both.

    Args:
        embed_dims (int): Channels E.
        num_heads (int): Number of attention heads.
        num_layers (int): Number of layers.
        feedforward_channels (int): Width of the feed-forward networks.
        graph (str, optional): See :class:`GraphFeedForward`.
        edges_normalized_by (str): See :class:`GraphConvolution`.
        self_attention_position (bool): Whether self-attention knows where the
            points are.
        num_walk_steps (int): Number of walk lengths of :class:`WalkBias`; 0
            without it.
        dropout (float): Dropout probability.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_layers: int,
        feedforward_channels: int,
        graph: str | None = None,
        edges_normalized_by: str = 'sender',
        self_attention_position: bool = True,
        num_walk_steps: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.layers = nn.ModuleList(
            RefinementLayer(
                embed_dims,
                num_heads,
                GraphFeedForward(
                    embed_dims,
                    feedforward_channels,
                    graph,
                    edges_normalized_by,
                    dropout,
                ),
                self_attention_position,
                num_walk_steps,
                dropout,
            )
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.position_mlp = nn.Sequential(
            nn.Linear(embed_dims, embed_dims),
            nn.GELU(),
            nn.Linear(embed_dims, embed_dims),
        )
        self.point_mlps = nn.ModuleList(
            make_point_mlp(embed_dims) for _ in range(num_layers)
        )

    def forward(
        self,
        tokens: Tensor,
        start: Tensor,
        cells: Tensor,
        cell_position: Tensor,
        identifiers: Tensor,
        guidance: Guidance,
    ) -> Refinement:
        """Refine the points of N queries.

        Args:
            tokens (Tensor): Support tokens (N, K, E).
            start (Tensor): First points (N, K, 2), in [0, 1]. Their gradient
                reaches the first layer's position, nothing else.
            cells (Tensor): Query features (N, L, E).
            cell_position (Tensor): Codes (L, E).
            identifiers (Tensor): Codes (K, E) of the keypoints, or 0.
            guidance (Guidance): Mask and graph.

        Returns:
            Refinement: Points of all layers, float32 at least.
        """
        placed_cells = torch.cat(
            [cells, cell_position.to(cells.dtype).expand_as(cells)], dim=-1
        )
        inner, points = [start.detach()], []
        source = start
        for layer, point_mlp in zip(self.layers, self.point_mlps):
            position = self.position_mlp(sine_points(source, self.embed_dims))
            position = position + identifiers
            tokens = layer(tokens, position, cells, placed_cells, guidance)
            source = inner[-1].detach()
            step = at_least_float32(point_mlp(self.norm(tokens)))
            points.append((_logit(inner[-1]) + step).sigmoid())
            step = at_least_float32(point_mlp(tokens))
            inner.append((_logit(source) + step).sigmoid())
            source = inner[-1].detach()
        return Refinement(torch.stack(inner), torch.stack(points))


def make_point_mlp(embed_dims: int) -> nn.Sequential:
    """Four linear layers that end in two channels, at first 0."""
    layers = []
    for _ in range(3):
        layers += [nn.Linear(embed_dims, embed_dims), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(embed_dims, 2))


def _logit(points: Tensor) -> Tensor:
    """Inverse sigmoid that stays finite at 0 and 1."""
    points = points.clamp(0, 1)
    return (points.clamp(min=_EPS) / (1 - points).clamp(min=_EPS)).log()
