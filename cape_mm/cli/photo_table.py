# Copyright (c) cape_mm contributors. All rights reserved.
"""Accuracy on own images beside that of copying the support's keypoints."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Iterator, NamedTuple

import mmengine
import numpy as np
from mmengine.structures import InstanceData

from cape_mm.apis import CapeInferencer, RequestMember
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import UsageError
from cape_mm.evaluation.functional.keypoints import (
    PCK_THRESHOLDS,
    copy_keypoints,
    keypoint_distances,
    longer_side,
    pair_pck,
)

from .training_tables import format_markdown


class Episode(NamedTuple):
    """Indices of instances of one category: shots, then queries."""

    supports: list[int]
    queries: list[int]


def tabulate_photos(args: Namespace) -> None:
    """Score a model and copying on pairs of instances, print and write it."""
    files = find_annotation_files(args)
    inferencer = CapeInferencer(args.checkpoint, args.config, args.device)
    categories: dict[str, dict] = {}
    certainty: list[tuple[np.ndarray, np.ndarray]] = []
    for file in files:
        dataset = load_dataset(args.data_root, file)
        for key, category in dataset.categories.items():
            name = category.name
            if name in categories:
                name = f'{name} ({file}, {key})'
            episodes = draw_episodes(dataset, key, args)
            scored = score_episodes(inferencer, dataset, episodes)
            if scored is None:
                print(
                    f'left out: {category} of {file} has too few images for '
                    f'{args.shots} shot(s) and a query with the same '
                    'keypoints',
                    file=sys.stderr,
                )
                continue
            categories[name] = scored[0]
            certainty.append(scored[1])
            print(f'{name} done', file=sys.stderr, flush=True)
    if not categories:
        raise UsageError(f'no category of {args.data_root} has enough images')
    result = dict(
        model=_macro(categories, 'model'),
        copy=_macro(categories, 'copy'),
        pairs=sum(row['pairs'] for row in categories.values()),
        shots=args.shots,
        seed=args.seed,
        calibration=_calibrate(certainty),
        categories=categories,
    )
    print(_format(result))
    if args.out:
        mmengine.dump(result, args.out, indent=2)
    if args.diagram:
        _draw_reliability(result['calibration'], args.diagram)


def find_annotation_files(args: Namespace) -> list[str]:
    """Names of the files that are given, else of all in the folder."""
    folder = args.data_root / 'annotations'
    files = args.ann_files or sorted(f.name for f in folder.glob('*.json'))
    if not files:
        raise UsageError(
            f'there is no annotation file in {folder}: name them with '
            '--ann-files'
        )
    return files


def load_dataset(data_root: Path, file: str) -> MP100Dataset:
    """Load one file of a folder in the layout of MP-100."""
    return MP100Dataset(
        ann_file=str(data_root / 'annotations' / file),
        data_prefix=dict(img=str(data_root / 'images')),
    )


def draw_episodes(
    dataset: MP100Dataset, category_id: int, args: Namespace
) -> list[Episode]:
    """Supports and queries of other images, the same for every model.

    With one shot ``args.supports`` supports with ``args.queries`` queries
    each; with more, one set of shots with all other images, at most 20.
    """
    indices = np.array(dataset.indices_by_category.get(category_id, []), int)
    images = np.array([dataset.get_data_info(i)['img_id'] for i in indices])
    rng = np.random.default_rng([args.seed, category_id])
    order = rng.permutation(len(indices))
    if args.shots == 1:
        sets, limit = [[i] for i in order[: args.supports]], args.queries
    else:
        sets, limit = [list(order[: args.shots])], 20
    episodes = []
    for shots in sets:
        others = np.flatnonzero(~np.isin(images, images[shots]))
        queries = rng.permutation(others)[:limit]
        if len(shots) == args.shots and len(queries):
            episodes.append(
                Episode(indices[shots].tolist(), indices[queries].tolist())
            )
    return episodes


def score_episodes(
    inferencer: CapeInferencer, dataset: MP100Dataset, episodes: list[Episode]
) -> tuple[dict, tuple[np.ndarray, np.ndarray]] | None:
    """Mean PCK over a category's pairs in percent; scores and correctness.

    None without a pair that has a keypoint in common.
    """
    rows: dict[str, list] = dict(model=[], copy=[])
    scores, correct = [], []
    for episode in episodes:
        supports = [dataset.get_data_info(i) for i in episode.supports]
        queries = [dataset.get_data_info(i) for i in episode.queries]
        for query, found in zip(
            queries, _predict(inferencer, supports, queries)
        ):
            visible = query['keypoints_visible'][0] > 0
            visible &= np.any(
                [one['keypoints_visible'][0] > 0 for one in supports], axis=0
            )
            if not visible.any():
                continue
            side = longer_side(query['bbox'][0])
            truth = query['keypoints'][0]
            distances = keypoint_distances(found.keypoints[0], truth)
            rows['model'].append(_pcks(distances, visible, side))
            scores.append(found.keypoint_scores[0][visible])
            correct.append(distances[visible] < 0.1 * side)
            copies = [
                copy_keypoints(
                    one['keypoints'][0], one['bbox'][0], query['bbox'][0]
                )
                for one in supports
            ]
            rows['copy'].append(
                np.mean(
                    [
                        _pcks(keypoint_distances(copy, truth), visible, side)
                        for copy in copies
                    ],
                    axis=0,
                )
            )
    if not scores:
        return None
    means = {
        name: dict(zip(PCK_THRESHOLDS, 100 * np.mean(values, axis=0)))
        for name, values in rows.items()
    }
    row = dict(means, pairs=len(rows['model']))
    return row, (np.concatenate(scores), np.concatenate(correct))


def _pcks(distances: np.ndarray, visible: np.ndarray, side: float) -> list:
    """PCK at all thresholds."""
    return [
        pair_pck(distances, visible, side, threshold)
        for threshold in PCK_THRESHOLDS.values()
    ]


def _predict(
    inferencer: CapeInferencer, supports: list[dict], queries: list[dict]
) -> Iterator[InstanceData]:
    """Prediction of each query."""
    shots = list(map(RequestMember.from_instance, supports))
    results = inferencer(
        [shot.image for shot in shots],
        [shot.keypoints for shot in shots],
        [info['img_path'] for info in queries],
        skeleton=supports[0]['skeleton'],
        flip_pairs=supports[0]['flip_pairs'],
        keypoint_names=supports[0]['keypoint_names'],
        support_boxes=[shot.box for shot in shots],
        query_boxes=[info['bbox'][0] for info in queries],
        on_error='raise',
    )
    for result in results:
        yield result.pred_instances


def _calibrate(certainty: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """How well scores tell an error below a tenth of the box's longer side.

    Every category counts the same. ECE is the mean over ten bins of scores,
    weighted by their share, of the difference between the bin's mean score
    and its share of correct keypoints.
    """
    scores, correct = map(np.concatenate, zip(*certainty))
    weights = [np.full(len(one), 1 / len(one)) for one, _ in certainty]
    weight = np.concatenate(weights) / len(certainty)
    index = np.minimum((scores * 10).astype(int), 9)
    share, score, hits = (
        np.bincount(index, weight * values, minlength=10)
        for values in (1.0, scores, correct)
    )
    bins = [
        dict(share=a, score=b / a, correct=c / a)
        for a, b, c in zip(share, score, hits)
        if a > 0
    ]
    return dict(ECE=float(np.abs(score - hits).sum()), bins=bins)


def _draw_reliability(calibration: dict, path: Path) -> None:
    """Reliability diagram: share of correct keypoints by score."""
    from matplotlib.figure import Figure

    bins = calibration['bins']
    figure = Figure(figsize=(4, 4), layout='constrained')
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color='grey', linestyle='--', linewidth=1)
    axes.plot(
        [one['score'] for one in bins],
        [one['correct'] for one in bins],
        marker='o',
        label=f'ECE {calibration["ECE"]:.3f}',
    )
    axes.bar(
        [one['score'] for one in bins],
        [one['share'] for one in bins],
        width=0.06,
        alpha=0.3,
        label='share of keypoints',
    )
    axes.set(
        xlabel='score',
        ylabel='error below a tenth of the object',
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(loc='upper left')
    figure.savefig(path, dpi=120)


def _macro(categories: dict[str, dict], name: str) -> dict[str, float]:
    """Mean over categories."""
    return {
        key: float(np.mean([row[name][key] for row in categories.values()]))
        for key in PCK_THRESHOLDS
    }


def _format(result: dict) -> str:
    """Table for people."""
    rows = {
        **result['categories'],
        'mean': dict(
            model=result['model'], copy=result['copy'], pairs=result['pairs']
        ),
    }
    header = ['category', 'pairs']
    header += [
        f'{name} {key}' for name in ('model', 'copy') for key in PCK_THRESHOLDS
    ]
    body = [
        [
            name,
            str(row['pairs']),
            *(
                f'{row[kind][key]:.1f}'
                for kind in ('model', 'copy')
                for key in PCK_THRESHOLDS
            ),
        ]
        for name, row in rows.items()
    ]
    error = result['calibration']['ECE']
    return (
        f'{format_markdown(header, body)}\n'
        f'expected calibration error of the scores: {error:.3f}'
    )
