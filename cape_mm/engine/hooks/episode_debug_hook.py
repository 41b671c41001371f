# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from typing import Iterator, Sequence

import numpy as np
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from cape_mm.evaluation.functional.keypoints import pair_pck
from cape_mm.evaluation.metrics.episode_pairs import pair_errors
from cape_mm.registry import HOOKS
from cape_mm.structures import EpisodeBatch, EpisodeDataSample

_TOPICS = ('data', 'mask', 'decode', 'pck')
_NUM_LOGGED = 5
_THRESHOLD = 0.2


@HOOKS.register_module()
class EpisodeDebugHook(Hook):
    """Log at debug level what goes through the model.

    - ``data``: shapes; category, support and query ids of each episode, and
      whether an instance is both.
    - ``mask``: which keypoints of supports and queries count.
    - ``decode``: similarity maps, decoding order, proposed and final
      keypoints.
    - ``pck``: box, threshold and distances in pixels, correct keypoints.

    Nothing is done, and nothing attached to the model, unless topics are
    chosen or ``log_level`` is ``'DEBUG'``, which means all topics.

    Args:
        topics (str | Sequence[str]): Names of topics, or one string with
            commas. Defaults to ``'none'``.
        num_iters (int): Number of iterations of every epoch, validation and
            test that are logged, from the first one. Defaults to 1.
    """

    # before EpisodeSummaryHook counts, after data have been loaded
    priority = 'NORMAL'

    def __init__(
        self, topics: str | Sequence[str] = 'none', num_iters: int = 1
    ) -> None:
        if isinstance(topics, str):
            topics = [name.strip() for name in topics.split(',')]
        self.topics: set[str] = set(topics) - {'', 'none'}
        unknown = self.topics - set(_TOPICS)
        if unknown:
            raise ValueError(
                f'unknown debug topics {sorted(unknown)}; there are '
                f'{", ".join(_TOPICS)}'
            )
        self.num_iters = num_iters
        self._handle = None

    def before_run(self, runner: Runner) -> None:
        """Let the log show debug messages, if there will be any."""
        # MMEngine silences its loggers by the level of their handlers, those
        # of other ranks by ERROR.
        handlers = [
            h for h in runner.logger.handlers if h.level < logging.ERROR
        ]
        if self.topics:
            for handler in handlers:
                handler.setLevel(logging.DEBUG)
        elif any(h.level <= logging.DEBUG for h in handlers):
            self.topics = set(_TOPICS)

    def _before_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        mode: str = 'train',
    ) -> None:
        """Log the batch, and the proposals when they are made."""
        samples = self._samples(batch_idx, data_batch)
        if not samples:
            return
        lines = []
        if 'data' in self.topics:
            lines += _describe_data(data_batch, samples)
        if 'mask' in self.topics:
            lines += _describe_masks(samples)
        _log(runner, mode, lines)
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        proposal = getattr(getattr(model, 'head', None), 'proposal', None)
        if 'decode' in self.topics and proposal is not None:
            self._handle = proposal.register_forward_hook(
                lambda module, args, output: _log(
                    runner, mode, _describe_proposal(output)
                )
            )

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: DATA_BATCH = None,
        outputs: Sequence | dict | None = None,
        mode: str = 'train',
    ) -> None:
        """Log predictions, and no more proposals."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        if not self._samples(batch_idx, data_batch) or mode == 'train':
            return
        lines: list[str] = []
        for episode in outputs or ():
            for number, query in enumerate(episode.queries):
                where = f'{tuple(episode.episode)} query {number}'
                if 'decode' in self.topics:
                    keypoints = query.pred_instances.keypoints[0, :_NUM_LOGGED]
                    lines.append(
                        f'decode: {where}: first keypoints '
                        f'{keypoints.astype(float).round(1).tolist()} px'
                    )
                if 'pck' in self.topics and 'keypoints' in query.gt_instances:
                    lines.append(
                        f'pck: {where}: '
                        + _describe_errors(query, episode.supports)
                    )
        _log(runner, mode, lines)

    def _samples(
        self, batch_idx: int, data_batch: DATA_BATCH
    ) -> list[EpisodeDataSample]:
        """Episodes of a batch that is logged, else none."""
        is_logged = self.topics and batch_idx < self.num_iters
        if not is_logged or not isinstance(data_batch, dict):
            return []
        samples = list(data_batch.get('data_samples') or [])
        is_episode = [isinstance(s, EpisodeDataSample) for s in samples]
        return samples if all(is_episode) else []


def _log(runner: Runner, mode: str, lines: Sequence[str]) -> None:
    for line in lines:
        runner.logger.debug(f'[{mode}] {line}')


def _describe_data(
    data_batch: dict, samples: list[EpisodeDataSample]
) -> Iterator[str]:
    """Shapes of the inputs, and ids of each episode."""
    for name, tensors in data_batch['inputs'].items():
        shapes = sorted({tuple(tensor.shape) for tensor in tensors})
        kinds = sorted({str(tensor.dtype) for tensor in tensors})
        yield f'data: {name}: {len(tensors)} of {shapes}, {", ".join(kinds)}'
    for sample in samples:
        supports = [member.get('id') for member in sample.supports]
        queries = [member.get('id') for member in sample.queries]
        both = sorted(set(supports) & set(queries))
        yield (
            f'data: {tuple(sample.episode)}: category {sample.category_id} '
            f'{sample.category_name!r}, K {sample.num_keypoints}, '
            f'{len(sample.skeleton)} edges, supports {supports}, queries '
            f'{queries}' + (f', SUPPORT = QUERY: {both}' if both else '')
        )


def _describe_masks(samples: list[EpisodeDataSample]) -> Iterator[str]:
    """Valid keypoints of supports and queries as rows of 0 and 1."""
    batch = EpisodeBatch.from_data_samples(samples)
    yield (
        f'mask: support {tuple(batch.support_valid.shape)}, query '
        f'{tuple(batch.query_valid.shape)}, True = valid'
    )
    for index, sample in enumerate(samples):
        count = sample.num_keypoints
        rows = [
            f'{name} ' + ''.join('01'[int(v)] for v in member[:count])
            for name, valid in (
                ('support', batch.support_valid[index]),
                ('query', batch.query_valid[index]),
            )
            for member in valid
        ]
        padding = batch.adjacency.shape[-1] - count
        yield (
            f'mask: {tuple(sample.episode)}: {", ".join(rows)}, '
            f'{padding} padded'
        )


def _describe_proposal(output: tuple) -> Iterator[str]:
    """Scores (B, K) of similarity maps, and the most certain keypoints."""
    scores = output.scores.detach().float().cpu()
    points = output.points.detach().float().cpu()
    height, width = output.map_size
    yield (
        f'decode: {len(scores)} rows, {scores.shape[1]} maps of {width} x '
        f'{height}, scores {scores.min():.3f} to {scores.max():.3f}'
    )
    order = scores[0].argsort(descending=True)[:_NUM_LOGGED]
    yield (
        f'decode: row 0: most certain keypoints {order.tolist()}, scores '
        f'{np.round(scores[0, order].tolist(), 3).tolist()}, proposed at '
        f'{np.round(points[0, order].tolist(), 3).tolist()} of the input'
    )


def _describe_errors(query, supports: list) -> str:
    """Distances of a query's keypoints in original pixels, and its PCK."""
    errors = pair_errors(query, supports)
    distances_px = errors.distances_px[errors.valid]
    limit = _THRESHOLD * errors.normalizer_px
    share = pair_pck(*errors, _THRESHOLD)
    return (
        f'longer side of the box {errors.normalizer_px:.1f} px, threshold '
        f'{limit:.1f} px, distances '
        f'{distances_px[:_NUM_LOGGED].round(1).tolist()} px, '
        f'{int((distances_px < limit).sum())} of {len(distances_px)} '
        f'correct, PCK@{_THRESHOLD:g} {share:.4f}'
    )
