# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitted models beside the matcher, by the number of labelled images."""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import mmengine
import numpy as np

from cape_mm.apis import (
    CapeInferencer,
    EpisodeRequest,
    Fit,
    RequestMember,
    fit_category,
    write_fit,
)
from cape_mm.apis.fitting_candidates import drop_head
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import UsageError
from cape_mm.evaluation.functional.keypoints import PCK_THRESHOLDS

from .photo_table import (
    Episode,
    draw_episodes,
    find_annotation_files,
    load_dataset,
    score_episodes,
)
from .training_tables import format_markdown

_METHODS = ('copy', 'matcher', 'heatmap', 'chosen')


def tabulate_few_shots(args: Namespace) -> None:
    """Fit each category to some labelled images, score on the others.

    What ``args.out`` has already is not run again.
    """
    files = find_annotation_files(args)
    if args.out:
        mmengine.mkdir_or_exist(args.out.parent)  # before the work
    rows = mmengine.load(args.out) if args.out and args.out.exists() else {}
    matcher = CapeInferencer(device=args.device)
    for file in files:
        dataset = load_dataset(args.data_root, file)
        for category_id, category in dataset.categories.items():
            if args.categories and category.name not in args.categories:
                continue
            indices = dataset.indices_by_category[category_id]
            images = {dataset.get_data_info(i)['img_id'] for i in indices}
            for count in args.labels:
                name = f'{category.name}, {count}'
                least = max(args.min_images, count + 1)
                if name in rows or len(images) < least:
                    continue
                draw = Namespace(seed=args.seed, shots=count)
                (episode,) = draw_episodes(dataset, category_id, draw)
                rows[name] = _run(dataset, category, episode, matcher, args)
                print(f'{name} done', file=sys.stderr, flush=True)
                if args.out:
                    mmengine.dump(rows, args.out, indent=2)
    if not rows:
        raise UsageError(
            f'no category of {args.data_root} has {args.min_images} images, '
            'and one more than --labels'
        )
    print(_format(rows))


def _run(
    dataset: MP100Dataset,
    category,
    episode: Episode,
    matcher: CapeInferencer,
    args: Namespace,
) -> dict:
    """Fit to the supports of an episode, score all methods on its queries."""
    request = EpisodeRequest.from_category(
        category,
        *(
            map(RequestMember.from_instance, map(dataset.get_data_info, part))
            for part in episode
        ),
    )
    options = dict(
        config=args.config,
        shots=args.shots,
        minutes=args.minutes,
        seed=args.seed,
        device=args.device,
    )
    fit = fit_category(request, **options)
    before = Episode(episode.supports[: args.shots], episode.queries)
    row, _ = score_episodes(matcher, dataset, [before])
    result = dict(copy=row['copy'], matcher=row['model'], pairs=row['pairs'])
    result['chosen'] = (
        row['model']
        if fit.kept == 'matcher'
        else _score(fit, request, dataset, episode, args.device)
    )
    if args.heatmap:
        if 'heatmap' in fit.kept:  # it has that head
            cfg, weights = drop_head(fit.cfg, fit.weights)
            ordinary = replace(fit, cfg=cfg, weights=weights)
        else:
            ordinary = fit_category(request, method='heatmap', **options)
            result['heatmap_cpu_seconds'] = round(ordinary.seconds, 1)
        result['heatmap'] = _score(
            ordinary, request, dataset, episode, args.device
        )
    return dict(
        result,
        kept=fit.kept,
        held_out=fit.rows,
        cpu_seconds=round(fit.seconds, 1),
    )


def _score(
    fit: Fit,
    request: EpisodeRequest,
    dataset: MP100Dataset,
    episode: Episode,
    device: str | None,
) -> dict[str, float]:
    """PCK of a model, written and loaded again, on the queries."""
    with tempfile.TemporaryDirectory() as folder:
        write_fit(fit, request, Path(folder))
        inferencer = CapeInferencer(
            Path(folder) / 'finetuned.pth', device=device
        )
    number = {id(member): i for i, member in enumerate(request.supports)}
    shots = [episode.supports[number[id(m)]] for m in fit.supports]
    row, _ = score_episodes(
        inferencer, dataset, [Episode(shots, episode.queries)]
    )
    return row['model']


def _format(rows: dict[str, dict]) -> str:
    """Table for people, with means by number of labelled images."""
    groups: dict[str, list[dict]] = {}
    for name, row in rows.items():
        groups.setdefault(name.rpartition(', ')[2], []).append(row)
    body = [
        [
            name,
            *(_numbers([row], method) for method in _METHODS),
            row['kept'],
            f'{row["cpu_seconds"]:.0f}',
        ]
        for name, row in rows.items()
    ]
    for count, group in groups.items():
        seconds = np.mean([row['cpu_seconds'] for row in group])
        means = (_numbers(group, method) for method in _METHODS)
        body.append([f'mean, {count}', *means, '', f'{seconds:.0f}'])
    header = ['category, labelled images', *_METHODS, 'kept', 'CPU-s']
    return format_markdown(header, body)


def _numbers(rows: list[dict], method: str) -> str:
    """Mean PCK@0.2 / 0.1 / 0.05."""
    if any(method not in row for row in rows):
        return ''
    means = [
        np.mean([row[method][key] for row in rows]) for key in PCK_THRESHOLDS
    ]
    return ' / '.join(f'{mean:.1f}' for mean in means)
