# Copyright (c) cape_mm contributors. All rights reserved.
"""Graph convolution along a skeleton, and feed-forward networks with it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

GRAPH_POSITIONS = (None, 'pre', 'post', 'both')


def normalize_edges(weights: Tensor, valid: Tensor) -> Tensor:
    """Divide the edges of every keypoint by their sum.

    Args:
        weights (Tensor): Edge weights (N, K, K), bool or not negative.
        valid (Tensor): Mask (N, K), bool; edges of other keypoints are
            dropped.

    Returns:
        Tensor: Float32 weights (N, K, K) whose rows sum to 1, or to 0 without
        an edge.
    """
    both = valid.unsqueeze(1) & valid.unsqueeze(2)
    weights = weights.float() * both
    return weights / (weights.sum(dim=-1, keepdim=True) + 1e-8)


class GraphConvolution(nn.Module):
    r"""One graph convolution with a kernel of its own for the keypoint itself.

    :math:`y_w = \mathrm{relu}(W_0 x_w + \sum_v a_{wv} W_1 x_v)` for edges
    normalised by the receiver *w* (EdgeCape). GraphCape applies the same
    row-normalised matrix transposed, :math:`a_{vw}`: a keypoint with many
    neighbours sends less to each of them, and what a keypoint receives does
    not sum to 1. An invalid keypoint has no :math:`W_0 x_w`.

    Args:
        in_channels (int): Channels of the tokens.
        out_channels (int): Channels of the result.
        normalized_by (str): ``'sender'`` or ``'receiver'``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, normalized_by: str
    ) -> None:
        super().__init__()
        if normalized_by not in ('sender', 'receiver'):
            raise ValueError(
                "normalized_by must be 'sender' or 'receiver', got "
                f'{normalized_by!r}'
            )
        self.normalized_by = normalized_by
        self.kernels = nn.Linear(in_channels, 2 * out_channels)

    def forward(self, tokens: Tensor, edges: Tensor, valid: Tensor) -> Tensor:
        """Convolve tokens (N, K, C).

        Args:
            tokens (Tensor): Tokens (N, K, C).
            edges (Tensor): Edges (N, K, K), rows normalised.
            valid (Tensor): Mask (N, K), bool.

        Returns:
            Tensor: Tokens of the output's channels.
        """
        own, message = self.kernels(tokens).chunk(2, dim=-1)
        own = own * valid.unsqueeze(-1)
        if self.normalized_by == 'sender':
            edges = edges.transpose(1, 2)
        return F.relu(own + edges.to(message.dtype) @ message)


class GraphFeedForward(nn.Module):
    """Feed-forward network, either half of which may be a graph convolution.

    Args:
        embed_dims (int): Channels E.
        feedforward_channels (int): Hidden width.
        graph (str, optional): Which half convolves along the graph: None,
            ``'pre'`` the first, ``'post'`` the second, or ``'both'``.
            Defaults to None.
        normalized_by (str): See :class:`GraphConvolution`. Defaults to
            ``'sender'``.
        dropout (float): Dropout probability. Defaults to 0.1.
    """

    def __init__(
        self,
        embed_dims: int,
        feedforward_channels: int,
        graph: str | None = None,
        normalized_by: str = 'sender',
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if graph not in GRAPH_POSITIONS:
            raise ValueError(
                f'graph must be one of {GRAPH_POSITIONS}, got {graph!r}'
            )
        widths = embed_dims, feedforward_channels
        self.first = (
            GraphConvolution(*widths, normalized_by)
            if graph in ('pre', 'both')
            else nn.Linear(*widths)
        )
        self.second = (
            GraphConvolution(*widths[::-1], normalized_by)
            if graph in ('post', 'both')
            else nn.Linear(*widths[::-1])
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, *graph: Tensor) -> Tensor:
        """Transform tokens (N, K, E) by a graph, see GraphConvolution."""
        hidden = F.relu(_apply(self.first, tokens, graph))
        return _apply(self.second, self.dropout(hidden), graph)


def _apply(
    layer: nn.Module, tokens: Tensor, graph: tuple[Tensor, ...]
) -> Tensor:
    """Run a layer, with the graph if it uses it."""
    if isinstance(layer, GraphConvolution):
        return layer(tokens, *graph)
    return layer(tokens)
