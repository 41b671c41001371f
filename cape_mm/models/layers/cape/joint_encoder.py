# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor, nn


class JointEncoder(nn.Module):
    """Self-attention over the query's cells and the support's tokens at once.

    Post-norm layers. Unlike in DETR, the position is added to the sequence
    before every layer, and therefore reaches queries, keys, values and the
    residual. There is no final norm.

    Args:
        embed_dims (int): Channels E.
        num_heads (int): Number of attention heads.
        num_layers (int): Number of layers.
        feedforward_channels (int): Width of the feed-forward network.
        dropout (float): Dropout probability. Defaults to 0.1.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_layers: int,
        feedforward_channels: int,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                embed_dims,
                num_heads,
                feedforward_channels,
                dropout,
                batch_first=True,
            )
            for _ in range(num_layers)
        )

    def forward(
        self,
        cells: Tensor,
        tokens: Tensor,
        cell_position: Tensor,
        token_position: Tensor,
        valid: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Encode N queries.

        Args:
            cells (Tensor): Query features (N, L, E).
            tokens (Tensor): Support tokens (N, K, E).
            cell_position (Tensor): Codes (L, E).
            token_position (Tensor): Codes (K, E).
            valid (Tensor): Mask (N, K), bool, of the tokens to attend to.

        Returns:
            tuple[Tensor, Tensor]: Encoded cells and tokens.
        """
        num_cells = cells.shape[1]
        sequence = torch.cat([cells, tokens], dim=1)
        position = torch.cat([cell_position, token_position])
        every_cell = valid.new_ones(len(cells), num_cells)
        hidden = ~torch.cat([every_cell, valid], dim=1)
        for layer in self.layers:
            sequence = layer(sequence + position, src_key_padding_mask=hidden)
        return sequence[:, :num_cells], sequence[:, num_cells:]
