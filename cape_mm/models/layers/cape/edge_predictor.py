# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graph_convolution import GraphFeedForward, normalize_edges
from .refinement_decoder import Guidance, RefinementLayer
from .sine_position import sine_grid


class _TwoWayLayer(nn.Module):
    """Keypoints attend to each other and the image, the image to them."""

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_channels: int,
        dropout: float,
        updates_image: bool,
    ) -> None:
        super().__init__()
        self.keypoints = RefinementLayer(
            embed_dims,
            num_heads,
            GraphFeedForward(
                embed_dims, feedforward_channels, 'pre', 'receiver', dropout
            ),
            self_attention_position=False,
            num_walk_steps=0,
            dropout=dropout,
        )
        if not updates_image:
            return
        self.image_attention = nn.MultiheadAttention(
            2 * embed_dims,
            num_heads,
            dropout,
            vdim=embed_dims,
            batch_first=True,
        )
        self.image_output = nn.Linear(2 * embed_dims, embed_dims)
        self.image_norm = nn.LayerNorm(embed_dims)
        self.dropout = nn.Dropout(dropout)

    def update_image(
        self,
        cells: Tensor,
        placed_cells: Tensor,
        placed_tokens: Tensor,
        tokens: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Let cells (N, L, E) attend to tokens by logits (N, 1, K)."""
        size = len(tokens), self.image_attention.num_heads, cells.shape[1], -1
        attended = self.image_attention(
            placed_cells,
            placed_tokens,
            tokens,
            attn_mask=mask.unsqueeze(1).expand(size).flatten(0, 1),
            need_weights=False,
        )[0]
        attended = self.image_output(attended)
        return self.image_norm(cells + self.dropout(attended))


class EdgePredictor(nn.Module):
    r"""Weigh the edges of a skeleton by the support images (EdgeCape).

    Support tokens and the support image attend to each other. With the
    cosines *C* of the resulting tokens and the given skeleton *P* (0 or 1),
    the weights are :math:`\mathrm{relu}(P + w C + b)` with scalars *w* and
    *b* that start from 0, so that training starts from the given skeleton.
    The diagonal of *C* is 1: keypoints get edges to themselves.

    Args:
        in_channels (int): Channels of the support's map.
        embed_dims (int): Channels E of the tokens. Defaults to 256.
        num_heads (int): Number of attention heads. Defaults to 8.
        num_layers (int): Number of layers. Defaults to 3.
        feedforward_channels (int): Width of the feed-forward networks.
            Defaults to 384.
        dropout (float): Dropout probability. Defaults to 0.1.
        num_slots (int): Number of keypoint slots with which the weights were
            trained. In the official code the image attends to the empty ones
            as well. They are all equal: here they are one token that counts
            as many. Defaults to 100.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_layers: int = 3,
        feedforward_channels: int = 384,
        dropout: float = 0.1,
        num_slots: int = 100,
    ) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.num_slots = num_slots
        self.image_projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.layers = nn.ModuleList(
            _TwoWayLayer(
                embed_dims,
                num_heads,
                feedforward_channels,
                dropout,
                # the image is not used after the last layer
                updates_image=i < num_layers - 1,
            )
            for i in range(num_layers)
        )
        self.cosine_weight = nn.Parameter(torch.zeros(1))
        self.cosine_bias = nn.Parameter(torch.zeros(1))

    def forward(
        self,
        feature_map: Tensor,
        tokens: Tensor,
        empty_token: Tensor,
        adjacency: Tensor,
        valid: Tensor,
    ) -> Tensor:
        """Weigh the edges of B episodes with S shots.

        Args:
            feature_map (Tensor): Support features (B * S, C, h, w).
            tokens (Tensor): Support tokens (B, K, E), mean over the shots.
            empty_token (Tensor): Token (E,) of a slot without keypoint.
            adjacency (Tensor): Given skeletons (B, K, K), bool.
            valid (Tensor): Mask (B, K), bool.

        Returns:
            Tensor: Edge weights (B, K, K), not negative, float32 at least,
            0 at invalid keypoints.
        """
        num_shots = len(feature_map) // len(tokens)
        num_keypoints = tokens.shape[1]
        both = valid.unsqueeze(1) & valid.unsqueeze(2)
        given = (adjacency & both).float()
        tokens = torch.cat(
            [tokens, empty_token.expand(len(tokens), 1, -1)], dim=1
        )
        attend = F.pad(valid, (0, 1))
        # without any keypoint, the empty slot is the only key there is
        attend[:, -1] |= ~valid.any(dim=1)
        guidance = Guidance(
            attend, F.pad(normalize_edges(given, valid), (0, 1, 0, 1))
        )
        refined = self._attend(
            feature_map,
            tokens.repeat_interleave(num_shots, dim=0),
            self._slot_logits(valid).repeat_interleave(num_shots, dim=0),
            guidance.repeat(num_shots),
        )
        refined = refined[:, :num_keypoints].unflatten(0, (-1, num_shots))
        unit = refined.mean(dim=1).float()
        unit = unit / (unit.norm(dim=-1, keepdim=True) + 1e-8)
        cosines = unit @ unit.transpose(1, 2)
        weights = given + self.cosine_weight * cosines + self.cosine_bias
        return weights.relu() * both

    def _attend(
        self,
        feature_map: Tensor,
        tokens: Tensor,
        mask: Tensor,
        guidance: Guidance,
    ) -> Tensor:
        """Run the layers on B * S shots."""
        grid = sine_grid(
            *feature_map.shape[2:], self.embed_dims, feature_map.device
        )
        cells = self.image_projection(feature_map).flatten(2).transpose(1, 2)
        nowhere = torch.zeros_like(tokens)
        for layer in self.layers:
            placed_cells = torch.cat(
                [cells, grid.to(cells.dtype).expand_as(cells)], dim=-1
            )
            tokens = layer.keypoints(
                tokens, nowhere, cells, placed_cells, guidance
            )
            if layer is not self.layers[-1]:
                placed_tokens = torch.cat([tokens, nowhere], dim=-1)
                cells = layer.update_image(
                    cells, placed_cells, placed_tokens, tokens, mask
                )
        return tokens

    def _slot_logits(self, valid: Tensor) -> Tensor:
        """Logits (B, 1, K + 1) that count the empty slots in the last one."""
        num_empty = (self.num_slots - valid.sum(dim=1)).clamp(min=0)
        counts = torch.cat([valid, num_empty.unsqueeze(1)], dim=1)
        return counts.to(self.cosine_weight.dtype).log().unsqueeze(1)


def random_walks(edges: Tensor, num_steps: int) -> Tensor:
    """Probabilities of walks of 0, 1, 2 ... steps along edges.

    Args:
        edges (Tensor): Edges (N, K, K), rows normalised.
        num_steps (int): Number W of walk lengths, with 0.

    Returns:
        Tensor: Probabilities (N, W, K, K).
    """
    step = edges / (edges.sum(dim=-1, keepdim=True) + 1e-8)
    identity = torch.eye(edges.shape[-1], device=edges.device)
    walks = [identity.to(edges.dtype).expand_as(edges)]
    for _ in range(num_steps - 1):
        walks.append(walks[-1] @ step)
    return torch.stack(walks, dim=1)
