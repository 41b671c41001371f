# Copyright (c) cape_mm contributors. All rights reserved.
"""Time and memory of models with random weights, on random data."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Callable

import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn.functional import pad

from cape_mm.apis.base_inferencer import find_device
from cape_mm.errors import UsageError
from cape_mm.models.pose_estimators import CapeEstimator, PAVENet
from cape_mm.structures import ClipDataSample, EpisodeBatch

from .episodes import require_kind
from .launch import read_config


def benchmark_clip_step(args: Namespace) -> None:
    """Measure training steps of a model for clips; print a line for each."""
    head_options = dict(no_grad_windows=args.no_grad_windows)
    device = find_device(args.device)
    model = _build_model(args.config, PAVENet, **head_options)
    model = model.to(device).train()
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
    """Time two ways of prediction of CAPE models.

    Autoregressive models predict keypoints all at once or one by one. Those
    of the published methods compute the keypoints that are there, with the
    support encoded once, or all slots and the support anew for every query,
    as the authors' code.
    """
    torch.set_num_threads(args.threads)
    print(
        f'{args.threads} threads, {args.keypoints} keypoints, '
        f'{args.input_size} x {args.input_size}, {args.queries} queries, '
        f'median of {args.repeats}'
    )
    print('ms per query: first | second way | ratio | largest difference')
    for config in args.configs:
        model = _build_model(config, CapeEstimator).eval()
        if not hasattr(model.head, 'decoder') and not hasattr(
            model.head, 'num_slots'
        ):
            raise UsageError(f'{config} has no head that decodes keypoints')
        with torch.inference_mode():
            for parameter in model.head.parameters():
                # none stays zero
                parameter.add_(0.02 * torch.randn_like(parameter))
            compare = (
                _compare_decoding
                if hasattr(model.head, 'autoregressive')
                else _compare_slots
            )
            for what, first, second, difference in compare(model, args):
                print(
                    f'{first:.1f} | {second:.1f} | {second / first:.3f} | '
                    f'{difference:.1e} | {what} | {config}'
                )


def _compare_decoding(model: BaseModel, args: Namespace) -> list[tuple]:
    """Parallel and autoregressive prediction; with a cache and without."""
    inputs, batch = _random_episode(args)
    times = _time_in_turns(
        [
            partial(_predict, model, inputs, batch, autoregressive)
            for autoregressive in (False, True)
        ],
        args.repeats,
    )
    encoded, _ = model.head(*model.extract_feat(inputs), batch)
    difference = _uncached_difference(model.head.decoder, encoded.context)
    times = [milliseconds / args.queries for milliseconds in times]
    return [('parallel, autoregressive', *times, difference)]


def _compare_slots(model: BaseModel, args: Namespace) -> list[tuple]:
    """Keypoints that are there, and all slots with one query at a time."""
    inputs, batch = _random_episode(args)
    count, num_slots = args.queries, model.head.num_slots
    slots = (0, num_slots - args.keypoints)
    many = dict(
        support=inputs['support'].expand(count, -1, -1, -1, -1),
        query=inputs['query'].transpose(0, 1),
    )
    again = EpisodeBatch(
        pad(batch.support_points, (0, 0, *slots)).expand(count, -1, -1, -1),
        pad(batch.support_valid, slots).expand(count, -1, -1),
        pad(batch.query_points.transpose(0, 1), (0, 0, *slots)),
        pad(batch.query_valid.transpose(0, 1), slots),
        pad(batch.adjacency, (*slots, *slots)).expand(count, -1, -1),
        torch.arange(num_slots).expand(count, -1),
    )
    cases = ((inputs, batch), (many, again))
    heads = [
        partial(model.head.predict, *model.extract_feat(images), labels)
        for images, labels in cases
    ]
    whole = [
        lambda images=images, labels=labels: model.head.predict(
            *model.extract_feat(images), labels
        )
        for images, labels in cases
    ]
    (once, _), (anew, _) = (head() for head in heads)
    largest = (anew[:, 0, : args.keypoints] - once[0]).abs().max().item()
    # on one thread, what others do on the machine does not count
    clock = time.process_time if args.threads == 1 else time.perf_counter
    times = _time_in_turns([*heads, *whole], args.repeats, clock)
    times = [milliseconds / args.queries for milliseconds in times]
    return [
        ('head', *times[:2], largest),
        ('whole model', *times[2:], largest),
    ]


def benchmark_queries(args: Namespace) -> dict[str, dict[str, str]]:
    """Parameters and milliseconds per query of models with random weights.

    All models predict the first test batch of their config in turns, on one
    thread. The result is kept in ``args.work_dir`` and not measured again.
    """
    path = args.work_dir / 'costs.json'
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.keys() >= {config.stem for config in args.configs}:
        return known
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    functions, counts, queries = [], [], []
    for config in map(str, args.configs):
        cfg = read_config(Namespace(config=config, cfg_options=None))
        model = _build_model(config, CapeEstimator).eval()
        # no diagnosis beside the prediction
        model.test_cfg = {}
        batch = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
        functions.append(partial(model.test_step, batch))
        counts.append(sum(p.numel() for p in model.parameters()))
        episodes = batch['data_samples']
        queries.append(sum(len(episode.queries) for episode in episodes))
    with torch.inference_mode():
        times = _time_in_turns(functions, 10, time.process_time)
    torch.set_num_threads(threads)
    known = {
        Path(config).stem: {
            'million parameters': f'{count / 1e6:.2f}',
            'CPU ms per query': f'{milliseconds / number:.1f}',
        }
        for config, count, milliseconds, number in zip(
            args.configs, counts, times, queries
        )
    }
    args.work_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1))
    return known


def _build_model(config: str, kind: type, **head_options) -> BaseModel:
    """The model of a config with random weights, if it is of a class."""
    cfg = read_config(Namespace(config=config, cfg_options=None))
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    require_kind(MODELS, cfg.get('model'), kind, cfg)
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
    args: Namespace,
) -> tuple[dict[str, Tensor], EpisodeBatch]:
    """One support and queries of noise; the keypoints are a chain."""
    count, side = args.keypoints, args.input_size
    chain = torch.ones(count - 1, dtype=torch.bool).diag(1)
    sizes = dict(support=1, query=args.queries)
    labels = [
        tensor
        for size in sizes.values()
        for tensor in (
            torch.rand(1, size, count, 2),
            torch.ones(1, size, count, dtype=torch.bool),
        )
    ]
    batch = EpisodeBatch(
        *labels,
        (chain | chain.T).unsqueeze(0),
        torch.arange(count).unsqueeze(0),
    )
    inputs = {
        name: torch.randn(1, size, 3, side, side)
        for name, size in sizes.items()
    }
    return inputs, batch


def _predict(
    model: BaseModel, inputs: dict, batch: EpisodeBatch, autoregressive: bool
) -> None:
    """Predict in one of the two ways."""
    model.head.autoregressive = autoregressive
    model.head(*model.extract_feat(inputs), batch)


def _time_in_turns(
    functions: list[Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Median milliseconds of functions; the first call does not count."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats + 1):
        for function, measured in zip(functions, times):
            start = clock()
            function()
            measured.append(1e3 * (clock() - start))
    return [statistics.median(measured[1:]) for measured in times]


def _uncached_difference(decoder, context) -> float:
    """Largest difference between decoding with a cache and without."""
    points = torch.zeros_like(context.reference[:, :-1])
    for i in range(points.shape[1]):
        output = decoder(context, points, context.valid[:, :-1])
        points[:, i] = output.last_points()[:, i]
    return (decoder.generate(context) - points).abs().max().item()
