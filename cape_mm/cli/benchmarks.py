# Copyright (c) cape_mm contributors. All rights reserved.
"""Time and memory of models with random weights, on random data."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from argparse import Namespace
from functools import partial
from typing import Callable

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from cape_mm.structures import ClipDataSample, EpisodeBatch


def benchmark_clip_step(args: Namespace) -> None:
    """Measure training steps of a model for clips; print a line for each."""
    head_options = dict(no_grad_windows=args.no_grad_windows)
    model = _build_model(args.config, **head_options).to(args.device).train()
    count = sum(p.numel() for p in model.parameters()) / 1e6
    print(f'{count:.2f} million parameters')
    kind = 'AmpOptimWrapper' if args.amp else 'OptimWrapper'
    optimizer = build_optim_wrapper(
        model, dict(type=kind, optimizer=dict(type='AdamW', lr=1e-5))
    )
    clips = [_random_clip(args, model) for _ in range(args.batch_size)]
    batch = pseudo_collate(clips)
    before = _peak_memory(args.device)
    print(f'{before:.2f} GiB before the first step')
    for step in range(args.steps):
        start = time.perf_counter()
        losses = model.train_step(batch, optimizer)
        total = losses['loss'].item()
        seconds = time.perf_counter() - start
        print(
            f'step {step + 1}: {seconds:.2f} s, peak '
            f'{_peak_memory(args.device):.2f} GiB, loss {total:.2f}'
        )
    if not torch.isfinite(losses['loss']):
        sys.exit('the loss is not finite')


def benchmark_decoding(args: Namespace) -> None:
    """Time parallel and autoregressive prediction of CAPE models."""
    torch.set_num_threads(args.threads)
    print(
        f'{args.threads} threads, {args.keypoints} keypoints, '
        f'{args.input_size} x {args.input_size}, median of {args.repeats}'
    )
    print('ms: parallel | autoregressive | ratio | cached - uncached')
    for config in args.configs:
        inputs, batch = _random_episode(args.keypoints, args.input_size)
        model = _build_model(config).eval()
        with torch.inference_mode():
            for parameter in model.head.parameters():
                # none stays zero
                parameter.add_(0.02 * torch.randn_like(parameter))
            parallel, stepwise = _time_in_turns(
                [
                    partial(_predict, model, inputs, batch, autoregressive)
                    for autoregressive in (False, True)
                ],
                args.repeats,
            )
            encoded, _ = model.head(*model.extract_feat(inputs), batch)
            difference = _uncached_difference(
                model.head.decoder, encoded.context
            )
        print(
            f'{parallel:.1f} | {stepwise:.1f} | {stepwise / parallel:.3f} | '
            f'{difference:.1e} | {config}'
        )


def _build_model(config: str, **head_options) -> BaseModel:
    """The model of a config with random weights."""
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    cfg.model.backbone.pop('init_cfg', None)
    cfg.model.head.update(head_options)
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


def _random_clip(args: Namespace, model: BaseModel) -> dict:
    """A clip of noise (U, 3, H, W) with persons who stay where they are."""
    keypoints = model.head.num_keypoints
    frames = model.head.decoder.layers[0].cross_attention.layout[0]
    count, size = args.windows + frames - 1, (args.size, args.size)
    starts = torch.arange(args.windows)[:, None]
    clip = ClipDataSample(
        metainfo=dict(
            video_id='0', frame_index=(starts + torch.arange(frames)).numpy()
        )
    )
    places = 0.2 + 0.6 * torch.rand(args.persons, 1, 2)
    poses = places + 0.1 * torch.randn(args.persons, keypoints, 2)
    side = 0.4 * args.size
    clip.frames = []
    for number in range(count):
        meta = dict(video_id='0', frame_id=number, is_labeled=True)
        frame = PoseDataSample(
            metainfo=dict(meta, img_shape=size, ori_shape=size)
        )
        frame.gt_instance_labels = InstanceData(
            keypoints=poses.clamp(0, 1),
            keypoints_visible=torch.ones(args.persons, keypoints),
            areas=torch.full((args.persons,), side**2),
            track_ids=torch.arange(args.persons),
        )
        clip.frames.append(frame)
    noise = torch.randint(256, (count, 3, *size), dtype=torch.uint8)
    return dict(inputs=noise, data_samples=clip)


def _peak_memory(device: str) -> float:
    """Peak in GiB: of the process, or of what a GPU has given out."""
    if device == 'cpu':
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return torch.cuda.max_memory_allocated(device) / 2**30


def _random_episode(
    num_keypoints: int, side: int
) -> tuple[dict[str, Tensor], EpisodeBatch]:
    """One support and one query of noise; the keypoints are a chain."""
    valid = torch.ones(1, 1, num_keypoints, dtype=torch.bool)
    chain = torch.ones(num_keypoints - 1, dtype=torch.bool).diag(1)
    batch = EpisodeBatch(
        torch.rand(1, 1, num_keypoints, 2),
        valid,
        torch.rand(1, 1, num_keypoints, 2),
        valid,
        (chain | chain.T).unsqueeze(0),
        torch.arange(num_keypoints).unsqueeze(0),
    )
    names = ('support', 'query')
    return {name: torch.randn(1, 1, 3, side, side) for name in names}, batch


def _predict(
    model: BaseModel, inputs: dict, batch: EpisodeBatch, autoregressive: bool
) -> None:
    """Predict in one of the two ways."""
    model.head.autoregressive = autoregressive
    model.head(*model.extract_feat(inputs), batch)


def _time_in_turns(
    functions: list[Callable[[], None]], repeats: int
) -> list[float]:
    """Median milliseconds of functions; the first call does not count."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats + 1):
        for function, measured in zip(functions, times):
            start = time.perf_counter()
            function()
            measured.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(measured[1:]) for measured in times]


def _uncached_difference(decoder, context) -> float:
    """Largest difference between decoding with a cache and without."""
    points = torch.zeros_like(context.reference[:, :-1])
    for i in range(points.shape[1]):
        output = decoder(context, points, context.valid[:, :-1])
        points[:, i] = output.last_points()[:, i]
    return (decoder.generate(context) - points).abs().max().item()
