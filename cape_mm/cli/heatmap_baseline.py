# Copyright (c) cape_mm contributors. All rights reserved.
"""An ordinary heatmap head, to compare fitted models with."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from torch import Tensor

from cape_mm.apis import EpisodeRequest
from cape_mm.apis.finetuning import build_unfitted
from cape_mm.apis.labelled_instances import LabelledInstances
from cape_mm.engine.few_shot import (
    Labels,
    Views,
    choose_num_views,
    fit_head,
    make_views,
)
from cape_mm.models.layers.cape import KeypointTemplate


class _BoxFrame(KeypointTemplate):
    """The frame of the box, plain or mirrored, instead of an alignment."""

    mirror = False

    def forward(
        self, points: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        rows = [[-1.0, 0.0, 1.0] if self.mirror else [1.0, 0.0, 0.0]]
        matrix = points.new_tensor([*rows, [0.0, 1.0, 0.0]])
        mirrored = torch.full((len(points),), self.mirror)
        return matrix.repeat(len(points), 1, 1), mirrored.to(points.device)


def predict_with_heatmaps(
    request: EpisodeRequest,
    config: str | None = None,
    minutes: float = 3.0,
    seed: int = 0,
) -> tuple[np.ndarray, float]:
    """Fit the layers of the aligned head as an ordinary heatmap head.

    The same frozen backbone, layers and labels, without matcher, alignment
    and prior. Its views are turned as far as the labelled instances are, and
    mirrored where some of them are mirrored.

    Args:
        request (EpisodeRequest): Labelled supports and queries with boxes.
        config (str, optional): See :func:`fit_category`.
        minutes (float): Limit of the fit. Defaults to 3.
        seed (int): Seed of weights and views. Defaults to 0.

    Returns:
        tuple[np.ndarray, float]: Keypoints (Q, K, 2), original pixels, of the
        queries, and CPU seconds of the fit.
    """
    start = time.process_time()
    num_keypoints = len(request.keypoint_names)
    cfg, model = build_unfitted(config, num_keypoints, seed, 'cpu')
    supports = LabelledInstances(request, request.supports, model, cfg)
    labels = supports.labels
    turn, mirrors = _spread(labels, supports.partners)
    frame = _BoxFrame(num_keypoints)
    frame.valid.fill_(True)
    frame.partners.copy_(supports.partners)
    head = model.aligned_head
    head.template, head.prior_sigma = frame, math.inf
    count = len(request.supports)
    num_views = choose_num_views(count) // (1 + mirrors)
    parts = []
    for frame.mirror in (False, True)[: 1 + mirrors]:
        views_seed = seed + frame.mirror
        parts.append(make_views(model, labels, num_views, views_seed, turn))
    frame.mirror = False
    levels = [torch.cat(level) for level in zip(*(v.levels for v in parts))]
    views = Views(
        levels, *(torch.cat(v) for v in zip(*(p[1:] for p in parts)))
    )
    num_iterations = 150 + 10 * max(count - 5, 0)
    deadline = time.monotonic() + 60 * minutes
    fit_head(model, views, num_iterations, deadline=deadline, seed=seed)
    seconds = time.process_time() - start
    queries = LabelledInstances(request, request.queries, model, cfg)
    centres = labels.points.new_full((1, num_keypoints, 2), 0.5)
    scores = torch.ones_like(centres[..., 0])
    with torch.no_grad():
        found = [
            model.refine(image[None], centres, scores)[0]
            for image in queries.labels.images
        ]
    return queries.to_original(torch.cat(found)), seconds


def _spread(labels: Labels, partners: Tensor) -> tuple[float, bool]:
    """Largest turn between two instances, radians, and any mirror."""
    template = KeypointTemplate(labels.points.shape[1])
    template.fit(labels.points, labels.valid, partners)
    matrices, mirrored = template(
        labels.points, labels.valid.to(labels.points)
    )
    side = torch.where(mirrored, -1.0, 1.0)
    angles = torch.atan2(side * matrices[:, 1, 0], side * matrices[:, 0, 0])
    difference = (angles[:, None] - angles).abs()
    difference = torch.minimum(difference, 2 * math.pi - difference)
    turn = min(difference.max().item() + math.radians(15), math.pi)
    return turn, bool(mirrored.any() and not mirrored.all())
