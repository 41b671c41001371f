# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitted models beside the matcher, by the number of labelled images."""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Iterator

import mmengine
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.apis import (
    CapeInferencer,
    EpisodeRequest,
    RequestMember,
    fit_category,
    write_fit,
)
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import UsageError
from cape_mm.evaluation.functional.keypoints import PCK_THRESHOLDS

from .heatmap_baseline import predict_with_heatmaps
from .photo_table import (
    Episode,
    draw_episodes,
    find_annotation_files,
    load_dataset,
    score_episodes,
)
from .training_tables import format_markdown

_METHODS = ('copy', 'matcher', 'heatmap', 'fitted')


def tabulate_few_shots(args: Namespace) -> None:
    """Fit each category to some labelled images, score on the others.

    What ``args.out`` has already is not run again.
    """
    files = find_annotation_files(args)
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
                if name in rows or len(images) < args.min_images:
                    continue
                draw = Namespace(seed=args.seed, shots=count)
                (episode,) = draw_episodes(dataset, category_id, draw)
                rows[name] = _run(dataset, category, episode, matcher, args)
                print(f'{name} done', file=sys.stderr, flush=True)
                if args.out:
                    mmengine.dump(rows, args.out, indent=2)
    if not rows:
        raise UsageError(
            f'no category of {args.data_root} has {args.min_images} images'
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
    options = dict(config=args.config, minutes=args.minutes, seed=args.seed)
    fit = fit_category(
        request, shots=args.shots, device=args.device, **options
    )
    with tempfile.TemporaryDirectory() as folder:
        write_fit(fit, request, Path(folder))
        fitted = CapeInferencer(
            Path(folder) / 'finetuned.pth', device=args.device
        )
    number = {id(member): i for i, member in enumerate(request.supports)}
    shots = [episode.supports[number[id(m)]] for m in fit.supports]
    before = Episode(episode.supports[: args.shots], episode.queries)
    row, _ = score_episodes(matcher, dataset, [before])
    result = dict(copy=row['copy'], matcher=row['model'], pairs=row['pairs'])
    if fit.fitted:
        after = Episode(shots, episode.queries)
        row, _ = score_episodes(fitted, dataset, [after])
        result['fitted'] = row['model']
    else:
        result['fitted'] = result['matcher']
    if args.heatmap:
        found, seconds = predict_with_heatmaps(request, **options)
        row, _ = score_episodes(partial(_results, found), dataset, [episode])
        result['heatmap'] = row['model']
        result['heatmap_cpu_seconds'] = round(seconds, 1)
    return dict(
        result,
        kept='fitted' if fit.fitted else 'matcher',
        held_out=fit.rows,
        cpu_seconds=round(fit.seconds, 1),
    )


def _results(
    found: list[np.ndarray], *args, **kwargs
) -> Iterator[PoseDataSample]:
    """Predictions (K, 2) in the place of an inferencer's results."""
    for points in found:
        scores = np.ones((1, len(points)))
        yield PoseDataSample(
            pred_instances=InstanceData(
                keypoints=points[None], keypoint_scores=scores
            )
        )


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
