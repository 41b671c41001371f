# Copyright (c) cape_mm contributors. All rights reserved.
"""Predict, draw and write, as ``tools/demo/cape_demo.py`` does."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Sequence

from cape_mm.apis import (
    CapeInferencer,
    EpisodeRequest,
    PredictionFile,
    RequestMember,
    find_images,
    read_request,
)
from cape_mm.apis.object_boxes import expected_scale
from cape_mm.datasets.formats.annotation_tools import (
    check_is_empty,
    convert_annotations,
)
from cape_mm.errors import DataError, UsageError
from cape_mm.visualization import EpisodeVisualizer

#: Ratios of an object's share of its box that differ strongly.
_LEAST_SCALE, _LARGEST_SCALE = 0.5, 2.0
#: Seconds between two lines on the progress.
_INTERVAL = 10.0


def find_keypoints(args: Namespace) -> None:
    """Find keypoints of annotated images on other images."""
    out_dir = Path(args.out_dir)
    for format in args.format:
        check_is_empty(out_dir / format)
    request = _build_request(args)
    inferencer = CapeInferencer(args.checkpoint, args.config, args.device)
    visualizer = EpisodeVisualizer(
        panel_size=None,
        labels=args.labels,
        score_thr=args.min_score,
        focus=True,
    )
    file = PredictionFile(
        out_dir / 'predictions.json', args.min_score, request.category_id
    )
    numbers = list(range(len(request.queries)))
    if args.resume:
        numbers = file.resume(request)
    rest = replace(request, queries=[request.queries[n] for n in numbers])
    progress = _Progress(len(numbers), len(request.queries))
    scales, skipped = {}, []

    def skip(index: int, error: Exception) -> None:
        skipped.append(rest.queries[index].image)
        progress.say(f'skipped: {error}')

    try:
        with file:
            pairs = inferencer.predict_request(
                rest, args.batch_size, args.detect, skip
            )
            for episode, index in pairs:
                query = episode.queries[index]
                number = numbers[query.query_index]
                name = f'{number:04d}_{Path(query.img_path).stem}.png'
                visualizer.add_episode(
                    name,
                    episode,
                    index,
                    Path(query.img_path).name,
                    out_file=str(out_dir / name),
                )
                ids = dict(image_id=request.queries[number].image_id)
                known = {k: v for k, v in ids.items() if v is not None}
                file.add(episode, index, number, visualization=name, **known)
                scales[query.img_path] = expected_scale(
                    query, episode.supports
                )
                progress.advance()
    except (KeyboardInterrupt, DataError, FileNotFoundError):
        progress.stop()
        if file.entries:
            print(
                f'{progress.first + progress.done} of {progress.total} images '
                f'are done and in {file.path}; go on with the same command '
                'and --resume',
                file=sys.stderr,
            )
        raise
    progress.stop()
    _warn_of_scales(scales)
    count = len(file.entries)
    print(f'{count} image(s) and predictions.json are in {out_dir}')
    if args.format:
        print(
            *convert_annotations([file.path], out_dir, args.format), sep='\n'
        )
    if skipped:
        raise DataError(
            f'{len(skipped)} of {progress.total} images cannot be used, so '
            f'they are not among the results: {", ".join(skipped)}'
        )


class _Progress:
    """Images done and images per second, on stderr."""

    def __init__(self, count: int, total: int) -> None:
        self.first, self.total, self.done = total - count, total, 0
        self.start = self.shown = time.monotonic()
        self.is_terminal = sys.stderr.isatty()

    def advance(self) -> None:
        """Count an image."""
        self.done += 1
        now = time.monotonic()
        if now - self.shown > (0.1 if self.is_terminal else _INTERVAL):
            self._show(now, '' if self.is_terminal else '\n')

    def say(self, text: str) -> None:
        """Print a line of its own."""
        print('\n' * self.is_terminal + text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Show the last state."""
        self._show(time.monotonic(), '\n')

    def _show(self, now: float, end: str) -> None:
        self.shown = now
        rate = self.done / max(now - self.start, 1e-9)
        text = f'{self.first + self.done}/{self.total} images, '
        start = '\r' if self.is_terminal else ''
        print(
            f'{start}{text}{rate:.2g} images/s',
            end=end,
            file=sys.stderr,
            flush=True,
        )


def _warn_of_scales(scales: dict[str, float]) -> None:
    """Say where objects fill another share of their box than supports do."""
    small = [path for path, s in scales.items() if s < _LEAST_SCALE]
    large = [path for path, s in scales.items() if s > _LARGEST_SCALE]
    for paths, share, remedy in (
        (
            small,
            'less than half as much',
            'give --query-box, or let --detect find it',
        ),
        (
            large,
            'more than twice as much',
            'give a tighter --support-box, or a wider --query-box',
        ),
    ):
        if paths:
            print(
                f'Warning: on {len(paths)} of {len(scales)} image(s), such as '
                f'{paths[0]}, the object fills {share} of its box as in the '
                f'support: {remedy}',
                file=sys.stderr,
            )


def _build_request(args: Namespace) -> EpisodeRequest:
    """Make the request of the command line."""
    if args.json:
        request = read_request(
            args.json,
            args.img_root,
            args.category,
            args.support_ids,
            args.query_ids,
            args.allow_outside,
        )
    else:
        if len(args.keypoints) != len(args.support):
            raise UsageError(
                f'{len(args.support)} supports and {len(args.keypoints)} '
                'lists of keypoints: quote each list as one argument'
            )
        request = EpisodeRequest(
            [
                RequestMember(image, parse_points(text))
                for image, text in zip(args.support, args.keypoints)
            ]
        )
    if args.skeleton:
        request.skeleton = [parse_edge(pair) for pair in args.skeleton]
    if args.query:
        request.queries = [
            RequestMember(path) for path in find_images(args.query)
        ]
    if not request.supports or not request.queries:
        raise UsageError('there must be at least one support and one query')
    _set_boxes(request.supports, args.support_box, 'support')
    if len(args.query_box) == 1:
        args.query_box = args.query_box * len(request.queries)
    _set_boxes(request.queries, args.query_box, 'query')
    return request


def _set_boxes(
    members: Sequence[RequestMember], texts: Sequence[str], flag: str
) -> None:
    """Give images the boxes of the command line, if there are some."""
    if texts and len(texts) != len(members):
        raise UsageError(
            f'{len(texts)} --{flag}-box and {len(members)} images: give a '
            f'box for each{" or one for all" if flag == "query" else ""}'
        )
    for member, text in zip(members, texts):
        member.box = parse_box(text)


def parse_points(text: str) -> list[list[float] | None]:
    """Points ``x,y`` or ``x,y,v`` between blanks; ``-`` is unlabelled."""
    points = []
    for word in text.split():
        try:
            numbers = [] if word == '-' else word.split(',')
            points.append([float(x) for x in numbers] or None)
        except ValueError:
            raise UsageError(f'{word!r} is no point x,y') from None
    return points


def parse_edge(text: str) -> list[int]:
    """Edge ``i-j`` of two keypoints, counted from 0."""
    try:
        return [int(end) for end in text.split('-')]
    except ValueError:
        raise UsageError(f'{text!r} is no edge i-j') from None


def parse_box(text: str) -> list[float] | None:
    """Box ``x1,y1,x2,y2``; ``-`` is none."""
    try:
        numbers = [float(x) for x in text.split(',')] if text != '-' else None
    except ValueError:
        numbers = []
    if numbers is not None and len(numbers) != 4:
        raise UsageError(f'{text!r} is no box x1,y1,x2,y2')
    return numbers
