# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .refinement_decoder import Guidance, RefinementDecoder


class MaskedRefinement(nn.Module):
    """Second pass of a decoder in training, with hidden tokens (EdgeCape).

    The decoder and its inputs are as they are: a hidden keypoint has to be
    found with its neighbours' help, along better edges. Only the graph and
    the token that stands for hidden ones learn from it.

    Args:
        embed_dims (int): Channels E.
        share (float): Share of the valid tokens that are hidden.
    """

    def __init__(self, embed_dims: int, share: float) -> None:
        super().__init__()
        self.share = share
        self.mask_token = nn.Parameter(torch.zeros(1, embed_dims))

    def forward(
        self,
        decoder: RefinementDecoder,
        tokens: Tensor,
        start: Tensor,
        cells: Tensor,
        cell_position: Tensor,
        identifiers: Tensor,
        guidance: Guidance,
    ) -> Tensor:
        """Refine as ``decoder`` does with the arguments after it.

        Returns:
            Tensor: The decoder's last inner points (N, K, 2).
        """
        kept = self._draw_kept(guidance.valid).unsqueeze(-1)
        weights = {
            name: parameter.detach()
            for name, parameter in decoder.named_parameters()
        }
        inputs = (
            torch.where(kept, tokens.detach(), self.mask_token),
            start.detach(),
            cells.detach(),
            cell_position,
            identifiers,
            guidance,
        )
        return functional_call(decoder, weights, inputs).inner[-1]

    def _draw_kept(self, valid: Tensor) -> Tensor:
        """Mask (N, K) that hides a share of the valid tokens, rounded down."""
        num_hidden = (self.share * valid.sum(dim=1)).long()
        chance = torch.rand(valid.shape, device=valid.device)
        rank = chance.masked_fill(~valid, 2.0).argsort(dim=1).argsort(dim=1)
        return rank >= num_hidden.unsqueeze(1)
