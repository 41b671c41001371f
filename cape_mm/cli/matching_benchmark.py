# Copyright (c) cape_mm contributors. All rights reserved.
"""Time and memory of :class:`CapeInferencer` on random images."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from argparse import Namespace
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

import cv2
import numpy as np
import torch

from cape_mm.apis import CapeInferencer
from cape_mm.apis.base_inferencer import HOME

from .training_tables import format_markdown

_NAME = 'configs/cape/matching_efficientnet-lite0'
_SETTINGS = [str(HOME / f'{_NAME}{kind}.py') for kind in ('_fast', '')]
_SETTINGS.append(str(HOME / f'{_NAME}_accurate.py'))


class _Cost(NamedTuple):
    """Milliseconds of one step."""

    wall: float
    cpu: float


def benchmark_matching(args: Namespace) -> None:
    """Print a table of all configs, then the memory of a long stream."""
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    print(
        f'{args.threads} thread(s), {args.keypoints} keypoints, images of '
        f'{args.image_size[0]} x {args.image_size[1]}, batches of '
        f'{args.batch_size}, median of {args.repeats}'
    )
    configs = args.configs or _SETTINGS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = _write_images(Path(folder), args)
        for config in configs:
            query, support = _time_config(config, files, args)
            figures = (query.wall, query.cpu, support.wall, support.cpu)
            rows.append(
                [Path(config).stem, *(f'{value:.0f}' for value in figures)]
            )
    header = ['config', 'ms per query', 'CPU ms']
    header += ['ms per support', 'CPU ms']
    print(format_markdown(header, rows))
    if args.queries:
        _stream(configs[0], args)


def _time_config(
    config: str, files: list[str], args: Namespace
) -> tuple[_Cost, _Cost]:
    """Median cost of a query, and that of encoding a support besides."""
    inferencer = CapeInferencer(config=config, device='cpu')
    list(_measure(inferencer, files[:1], args))  # libraries start lazily
    first, *others = _measure(inferencer, files, args)
    batch = _Cost(*map(statistics.median, zip(*others)))
    query = _Cost(*(value / args.batch_size for value in batch))
    return query, _Cost(first.wall - batch.wall, first.cpu - batch.cpu)


def _measure(
    inferencer: CapeInferencer, queries: Iterable, args: Namespace
) -> Iterator[_Cost]:
    """Cost of each batch, the first one with the support."""
    episodes = _predict(inferencer, queries, args)
    while True:
        start = time.perf_counter(), time.process_time()
        if next(episodes, None) is None:
            return
        yield _Cost(
            1e3 * (time.perf_counter() - start[0]),
            1e3 * (time.process_time() - start[1]),
        )


def _predict(
    inferencer: CapeInferencer, queries: Iterable, args: Namespace
) -> Iterator:
    """Episodes of the queries, for keypoints that form a chain."""
    rng = np.random.default_rng(0)
    size = np.array(args.image_size)
    keypoints = size * rng.uniform(0.2, 0.8, (args.keypoints, 2))
    return inferencer.predict_episodes(
        _random_image(rng, args),
        keypoints.tolist(),
        queries,
        skeleton=[[k, k + 1] for k in range(args.keypoints - 1)],
        batch_size=args.batch_size,
    )


def _stream(config: str, args: Namespace) -> None:
    """Print the peak memory at the beginning and the end of a stream."""
    inferencer = CapeInferencer(config=config, device='cpu')
    rng = np.random.default_rng(1)
    queries = (_random_image(rng, args) for _ in range(args.queries))
    start = time.perf_counter()
    episodes = _predict(inferencer, queries, args)
    for _ in islice(episodes, 3):
        pass
    before = _peak_memory()
    for _ in episodes:
        pass
    seconds = time.perf_counter() - start
    print(
        f'{args.queries} arrays in {seconds:.0f} s, peak memory of the '
        f'process {before:.0f} MB after 3 batches, {_peak_memory():.0f} MB '
        f'at the end ({Path(config).stem})'
    )


def _peak_memory() -> float:
    """Peak of the process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _write_images(folder: Path, args: Namespace) -> list[str]:
    """Write a file for each query; the first batch is not counted."""
    rng = np.random.default_rng(2)
    files = []
    for number in range((1 + args.repeats) * args.batch_size):
        files.append(str(folder / f'{number}.jpg'))
        cv2.imwrite(files[-1], _random_image(rng, args))
    return files


def _random_image(rng: np.random.Generator, args: Namespace) -> np.ndarray:
    """Smooth noise (H, W, 3), uint8."""
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, tuple(args.image_size))
