# Copyright (c) cape_mm contributors. All rights reserved.
"""Trace how a CAPE head decodes an episode, and draw it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import mmcv
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from cape_mm.apis import load_estimator
from cape_mm.datasets.pipeline import spread_indices
from cape_mm.errors import UsageError
from cape_mm.models.heads import AutoregressiveKeypointHead
from cape_mm.structures import EpisodeBatch
from cape_mm.visualization.decoding_figures import (
    draw_attention,
    draw_proposals,
)
from cape_mm.visualization.model_inputs import input_to_rgb

from .episodes import build_dataset, require_kind
from .launch import read_config


def show_proposals(args: Namespace) -> None:
    """Draw the proposals and the attention of some episodes."""
    cfg = read_config(args)
    head = (cfg.get('model') or {}).get('head')
    require_kind(MODELS, head, AutoregressiveKeypointHead, cfg)
    model = load_estimator(cfg, args.checkpoint, args.device)
    dataset = build_dataset(cfg, args.mode)
    chosen = args.episodes or spread_indices(len(dataset), args.num)
    if max(chosen) >= len(dataset):
        raise UsageError(
            f'--episodes {max(chosen)}: there are {len(dataset)}, counted '
            'from 0'
        )
    for index in chosen:
        sample = dataset[index]
        trace = trace_decoding(model, sample)
        for query in range(min(len(trace.points), args.max_queries)):
            for kind, image in _draw(sample, trace, query).items():
                name = f'{index:05d}_{query}_{kind}.png'
                file = str(Path(args.out_dir) / name)
                mmcv.imwrite(image[..., ::-1], file)
    print(f'Images are in {args.out_dir}')


class DecodingTrace(NamedTuple):
    """Intermediate results of the head for Q queries of one episode."""

    maps: Tensor  # similarity (Q, K, H, W), each with the sum 1
    proposals: Tensor  # (Q, K, 2), normalised
    scores: Tensor  # of the proposals (Q, K)
    points: Tensor  # decoded (Q, K, 2), normalised
    order: Tensor  # keypoint (Q, K) that each step decodes
    # (Q, K, K + 1): weights with which keypoint i attends to support keypoint
    # j (the last one is the stop token) in the last layer, mean over heads
    attention: Tensor | None


@torch.no_grad()
def trace_decoding(model: BaseModel, sample: dict) -> DecodingTrace:
    """Predict one episode and keep what leads to the result, on the CPU."""
    data = model.data_preprocessor(pseudo_collate([sample]), False)
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


def _draw(
    sample: dict, trace: DecodingTrace, query: int
) -> dict[str, np.ndarray]:
    """Images of one query, RGB, by the end of their names."""
    episode, inputs = sample['data_samples'], sample['inputs']
    marks, labelled = _labels_of(episode.supports[0])
    truth, known = _labels_of(episode.queries[query])
    names = episode.keypoint_names
    step = trace.order[query].argsort() + 1
    notes = [
        f'step {place}, score {score:.2f}' if score > 0 else 'not in support'
        for place, score in zip(step, trace.scores[query])
    ]
    title = (
        f'{episode.category_name} ({episode.category_id}), episode '
        f'{episode.episode[-1]}, query {query}'
    )
    images = dict(
        proposals=draw_proposals(
            (input_to_rgb(inputs['support'][0], 256), marks, labelled),
            input_to_rgb(inputs['query'][query], 256),
            trace.maps[query].numpy(),
            dict(
                truth=np.where(known[:, None], truth, np.nan),
                proposal=trace.proposals[query].numpy(),
                prediction=trace.points[query].numpy(),
            ),
            [f'{i} {name[:18]}\n{notes[i]}' for i, name in enumerate(names)],
            title,
        )
    )
    if trace.attention is not None:
        attention = trace.attention[query].numpy()
        images['attention'] = draw_attention(attention, names, title)
    return images


def _labels_of(sample: PoseDataSample) -> tuple[np.ndarray, np.ndarray]:
    """Labels (K, 2), normalised, and which are valid (K,)."""
    labels = sample.gt_instance_labels
    valid = np.asarray(labels.keypoint_weights)[0] > 0
    return np.asarray(labels.keypoint_labels)[0, :, :2], valid
