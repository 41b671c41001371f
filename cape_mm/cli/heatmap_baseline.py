# Copyright (c) cape_mm contributors. All rights reserved.
"""An ordinary heatmap head, to compare fitted models with."""

from __future__ import annotations

import math
import time
from argparse import Namespace

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from cape_mm.apis import EpisodeRequest, RequestMember, load_config
from cape_mm.apis.base_inferencer import HOME
from cape_mm.apis.checkpoint_config import find_test_dataset
from cape_mm.apis.inputs.images import ImageLoader, check_keypoints
from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.engine.few_shot import Labels, Views, fit_head, make_views
from cape_mm.models.layers.cape import KeypointTemplate
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import norm_to_pixels

_CONFIG = 'configs/cape/finetune_efficientnet-lite0.py'


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
    request: EpisodeRequest, args: Namespace
) -> tuple[list[np.ndarray], float]:
    """Fit the layers of the aligned head as an ordinary heatmap head.

    The same frozen backbone, layers and labels, without matcher, alignment
    and prior. Its views are turned as far as the labelled instances are, and
    mirrored where some of them are mirrored.

    Args:
        request (EpisodeRequest): Labelled supports and queries with boxes.
        args (Namespace): ``config``, ``seed``, ``minutes``, ``device``.

    Returns:
        tuple: Keypoints (K, 2), original pixels, of each query, and CPU
        seconds of the fit.
    """
    start = time.process_time()
    cfg = load_config(args.config or HOME / _CONFIG, None)
    num_keypoints = len(request.keypoint_names)
    cfg.model.aligned_head.out_channels = num_keypoints
    torch.manual_seed(args.seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model).eval()
    loader = ImageLoader(find_test_dataset(cfg)['pipeline'])
    data, batch = _load(model, loader, request, request.supports)
    labels = Labels(
        data['inputs']['support'][0],
        batch.support_points[0],
        batch.support_valid[0],
    )
    turn, mirrors = _spread(labels, batch.partners[0])
    frame = _BoxFrame(num_keypoints)
    frame.valid.fill_(True)
    frame.partners.copy_(batch.partners[0])
    head = model.aligned_head
    head.template, head.prior_sigma = frame, math.inf
    count = len(request.supports)
    num_views = min(max(320 // count, 4), 40) // (1 + mirrors)
    parts = []
    for frame.mirror in (False, True)[: 1 + mirrors]:
        seed = args.seed + frame.mirror
        parts.append(make_views(model, labels, num_views, seed, turn))
    frame.mirror = False
    levels = [torch.cat(level) for level in zip(*(v.levels for v in parts))]
    views = Views(
        levels, *(torch.cat(v) for v in zip(*(p[1:] for p in parts)))
    )
    num_iterations = 150 + 10 * max(count - 5, 0)
    deadline = time.monotonic() + 60 * args.minutes
    fit_head(model, views, num_iterations, deadline=deadline, seed=args.seed)
    seconds = time.process_time() - start
    found = []
    for query in request.queries:
        data, _ = _load(model, loader, request, [query])
        centres = labels.points.new_full((1, num_keypoints, 2), 0.5)
        with torch.no_grad():
            points, _ = model.refine(
                data['inputs']['query'][0],
                centres,
                torch.ones_like(centres[..., 0]),
            )
        meta = data['data_samples'][0].queries[0].metainfo
        size = np.asarray(meta['input_size'])
        pixels = norm_to_pixels(points[0].numpy(), size[::-1])
        offset = meta['input_center'] - 0.5 * meta['input_scale']
        found.append(pixels / size * meta['input_scale'] + offset)
    return found, seconds


def _load(
    model: torch.nn.Module,
    loader: ImageLoader,
    request: EpisodeRequest,
    members: list[RequestMember],
) -> tuple[dict, EpisodeBatch]:
    """Preprocessed instances, as supports and the last one as query."""
    packed = [
        loader.load_support(
            member.image,
            check_keypoints(member.keypoints, member.image),
            member.box,
        )
        for member in members
    ]
    metainfo = dict(
        keypoint_names=request.keypoint_names,
        skeleton=request.skeleton,
        flip_pairs=request.flip_pairs,
        num_keypoints=len(request.keypoint_names),
    )
    item = pack_episode(packed, packed[-1:], metainfo)
    data = model.data_preprocessor(pseudo_collate([item]))
    return data, EpisodeBatch.from_data_samples(data['data_samples'])


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
