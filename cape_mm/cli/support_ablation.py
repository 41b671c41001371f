# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure how a model uses its support: tests with wrong supports."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext

import mmengine
import numpy as np
from mmengine.model import BaseModel
from mmengine.utils import track_iter_progress
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import build_dataset, spread_indices
from cape_mm.evaluation.functional.keypoints import (
    keypoint_distances,
    longer_side,
    pair_pck,
)
from cape_mm.evaluation.metrics.episode_pairs import co_visible
from cape_mm.evaluation.metrics.result_tables import format_table
from cape_mm.evaluation.support_interventions import (
    INTERVENTIONS,
    Intervened,
    right_support,
    zeroed_support_features,
)
from cape_mm.structures import EpisodeDataSample

from .episodes import load_episode_model, predict_samples
from .launch import read_config

_ZEROED = 'support features zeroed'
_SCORES = {'PCK@0.2': 0.2, 'PCK@0.05': 0.05}


def ablate_support(args: Namespace) -> None:
    """Measure the PCK with right and wrong supports, and print a table."""
    cfg = read_config(args)
    model = load_episode_model(cfg, args.checkpoint, args.device)
    dataset = build_dataset(cfg)
    indices = spread_indices(len(dataset), args.num_episodes)
    table = _measure_all(model, dataset, indices, args.batch_size, args.seed)
    print(f'\n{_format(table)}')
    if not table['wrong-category support']['pairs']:
        print('Only one category: nothing to take a wrong support from.')
    if args.out:
        mmengine.dump(table, args.out, indent=2)


def _measure_all(
    model: BaseModel,
    dataset: Dataset,
    indices: list[int],
    batch_size: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Rows of the table by condition."""
    changes = dict(INTERVENTIONS, **{_ZEROED: right_support})
    rows: dict[str, list] = {name: [] for name in changes}
    categories: dict[int, int] = {}
    for start in track_iter_progress(range(0, len(indices), batch_size)):
        chosen = indices[start : start + batch_size]
        samples = [dataset[index] for index in chosen]
        for index, sample in zip(chosen, samples):
            categories[index] = sample['data_samples'].category_id
        donors = [
            donor_of(dataset, start + i, indices, categories)
            for i in range(len(samples))
        ]
        for name, change in changes.items():
            changed = [
                (
                    sample,
                    change(sample, donor, np.random.default_rng([seed, i])),
                )
                for i, sample, donor in zip(chosen, samples, donors)
                if donor is not None or not name.startswith('wrong')
            ]
            if not changed:
                continue
            hidden = name == _ZEROED
            with zeroed_support_features(model) if hidden else nullcontext():
                predicted = predict_samples(
                    model, [c.sample for _, c in changed]
                )
            for (sample, how), episode in zip(changed, predicted):
                rows[name] += _measure(sample['data_samples'], episode, how)
    return {name: average(found) for name, found in rows.items()}


def donor_of(
    dataset: Dataset,
    position: int,
    indices: list[int],
    categories: dict[int, int],
) -> dict | None:
    """Next episode of another category, from half a list on, if any.

    ``categories`` are category ids by index, filled on the way.
    """
    own = categories[indices[position]]
    for step in range(len(indices)):
        index = indices[(position + len(indices) // 2 + step) % len(indices)]
        if categories.get(index) != own:
            sample = dataset[index]
            categories[index] = sample['data_samples'].category_id
            if categories[index] != own:
                return sample
    return None


def _measure(
    original: EpisodeDataSample,
    predicted: EpisodeDataSample,
    change: Intervened,
) -> list[dict]:
    """Scores (NaN without keypoint) and counts of an episode's queries."""
    rows = []
    for truth, query in zip(original.queries, predicted.queries):
        instances = truth.gt_instances
        errors = (
            keypoint_distances(
                query.pred_instances.keypoints[0][change.order],
                instances.keypoints[0],
            ),
            co_visible(truth, original.supports) & change.judged,
            longer_side(instances.bboxes[0]),
        )
        row = {name: pair_pck(*errors, thr) for name, thr in _SCORES.items()}
        row['keypoints'] = int(errors[1].sum())
        row['judged'] = bool(change.judged.all())
        rows.append(row)
    return rows


def average(rows: list[dict]) -> dict[str, float]:
    """Mean scores over pairs, ``pairs`` and ``keypoints``.

    As in the published protocol, a pair without common keypoint counts as 0,
    unless the change has emptied it.
    """
    kept = [row for row in rows if row['judged'] or row['keypoints']]
    table = {
        name: sum(row[name] for row in kept if row['keypoints']) / len(kept)
        if kept
        else float('nan')
        for name in _SCORES
    }
    total = sum(row['keypoints'] for row in kept)
    return dict(table, pairs=len(kept), keypoints=total)


def _format(table: dict[str, dict[str, float]]) -> str:
    """The table in percent, with differences from the right support."""
    right = next(iter(table.values()))
    lines = []
    for name, row in table.items():
        line = dict(support=name)
        for key in _SCORES:
            line[key] = f'{100 * row[key]:.2f}'
            line[f'{key} - right'] = f'{100 * (row[key] - right[key]):+.2f}'
        lines.append(dict(line, pairs=row['pairs'], kpts=row['keypoints']))
    return format_table(lines)
