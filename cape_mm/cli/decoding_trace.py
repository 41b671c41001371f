# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from torch import Tensor, nn

from cape_mm.structures import EpisodeBatch


class DecodingTrace(NamedTuple):
    """What happened inside the head for Q queries of one episode.

    Attributes:
        maps (Tensor): (Q, K, H, W), share of each cell in a keypoint's
            similarity map; each map sums to 1.
        proposals (Tensor): (Q, K, 2), first points, ``(x, y)`` in [0, 1] of
            the query's input.
        scores (Tensor): (Q, K), certainty of the first points.
        points (Tensor): (Q, K, 2), decoded points, like ``proposals``.
        order (Tensor): (Q, K), keypoint that each step decodes.
        attention (Tensor, optional): (Q, K, K + 1), what keypoint *i* hears
            from support keypoint *j* (the last one is the stop token) in the
            last layer, mean over heads.
    """

    maps: Tensor
    proposals: Tensor
    scores: Tensor
    points: Tensor
    order: Tensor
    attention: Tensor | None


@torch.no_grad()
def trace_decoding(model: BaseModel, item: dict) -> DecodingTrace:
    """Predict one episode and keep what leads to the result.

    Args:
        model (BaseModel): :class:`CapeEstimator` in evaluation mode.
        item (dict): Item of an episode dataset.

    Returns:
        DecodingTrace: On the CPU.
    """
    data = model.data_preprocessor(pseudo_collate([item]), False)
    inputs, samples = data['inputs'], data['data_samples']
    batch = EpisodeBatch.from_data_samples(samples, inputs['query'].device)
    head = model.head
    layer = head.decoder.autoregressive_layer
    recorder = _AttentionRecorder(layer.memory_attention)
    try:
        encoded, points = head(*model.extract_feat(inputs), batch)
    finally:
        recorder.remove()

    back = encoded.order.argsort(dim=1).cpu()
    attention = recorder.weights(back.shape[1])
    if attention is not None:
        attention = attention.take_along_dim(back[..., None], dim=1)
        # The memory is in decoding order, too; its last entry is the stop.
        stop = torch.full_like(back[:, :1], back.shape[1])
        columns = torch.cat([back, stop], dim=1)
        attention = attention.take_along_dim(columns[:, None], dim=2)
    proposal = encoded.proposal
    points = points.float().cpu()
    return DecodingTrace(
        proposal.logits.float()
        .softmax(dim=-1)
        .unflatten(-1, tuple(proposal.map_size))
        .cpu(),
        proposal.points.cpu(),
        (proposal.scores * encoded.valid).cpu(),
        points.take_along_dim(back[..., None], dim=1),
        encoded.order.cpu(),
        attention,
    )


class _AttentionRecorder:
    """Recomputes the weights of an attention layer whenever it is called."""

    def __init__(self, layer: nn.Module) -> None:
        self._calls: list[Tensor] = []
        self.remove = layer.register_forward_pre_hook(self._record).remove

    def _record(self, layer: nn.Module, args: tuple) -> None:
        query, memory, mask = args
        heads = layer.query(query).unflatten(-1, (layer.num_heads, -1))
        scores = heads.transpose(1, 2) @ memory.key.transpose(-1, -2)
        scores = scores.float() / memory.key.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(1), -torch.inf)
        self._calls.append(scores.softmax(dim=-1).mean(dim=1).cpu())

    def weights(self, num_steps: int) -> Tensor | None:
        """(N, num_steps, L) of the last pass over all steps, or None."""
        if not self._calls:
            return None
        if self._calls[-1].shape[1] >= num_steps:
            return self._calls[-1][:, :num_steps]
        steps = torch.cat(self._calls, dim=1)
        return steps if steps.shape[1] == num_steps else None
