# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers.cape import SimilarityProposal


def test_proposals_carry_no_gradient_but_maps_do():
    layer = SimilarityProposal(8)
    proposal = layer(torch.randn(2, 3, 8), torch.randn(2, 8, 4, 6))
    assert proposal.logits.shape == (2, 3, 24)
    assert proposal.map_size == (4, 6)
    assert proposal.logits.requires_grad
    assert not proposal.points.requires_grad
