# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure how a model uses its support: tests with wrong supports.

An intervention takes ``(sample, donor, rng)``: a sample of an episode dataset,
one of another category, and a generator. The arguments are not modified;
queries keep their images and their labels.
"""

from __future__ import annotations

from argparse import Namespace
from contextlib import contextmanager, nullcontext
from typing import Any, Iterator, NamedTuple

import mmengine
import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.utils import track_iter_progress
from mmpose.structures import PoseDataSample
from torch import Tensor, nn
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import spread_indices
from cape_mm.evaluation.functional.keypoints import (
    keypoint_distances,
    longer_side,
    pair_pck,
)
from cape_mm.evaluation.metrics.episode_pairs import co_visible
from cape_mm.evaluation.metrics.result_tables import format_table
from cape_mm.structures import EpisodeDataSample

from .episodes import build_dataset, load_episode_model, predict_samples
from .launch import read_config

_ZEROED = 'support features zeroed'
_SCORES = {'PCK@0.2': 0.2, 'PCK@0.05': 0.05}
# Fields whose second axis counts keypoints.
_KEYPOINT_FIELDS = (
    'keypoints',
    'keypoints_visible',
    'transformed_keypoints',
    'keypoint_labels',
    'keypoint_weights',
)


class Intervened(NamedTuple):
    """A changed sample, and how its predictions are scored."""

    sample: dict
    order: np.ndarray  # (K,) int, predicted keypoint of each original one
    judged: np.ndarray  # (K,) bool, original keypoints that are scored


def right_support(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Change nothing."""
    return _score_all(sample)


def wrong_category(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Take the donor's supports: images, keypoints and skeleton.

    Categories differ in their number of keypoints. Keypoint *j* of the donor
    stands for keypoint *j* of the query, for j below the smaller count and
    where all the donor's supports label it; the others are missing in the
    support and are not scored.
    """
    theirs = donor['data_samples']
    index = np.arange(sample['data_samples'].num_keypoints)
    common = min(len(index), theirs.num_keypoints)
    index[common:] = -1
    supports = _take_keypoints(theirs.supports, index)
    change = _change(
        sample,
        images=donor['inputs']['support'],
        skeleton=[list(e) for e in theirs.skeleton if max(e) < common],
        supports=supports,
    )
    return change._replace(judged=co_visible(supports[0], supports[1:]))


def wrong_image(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Take the donor's support images with our own coordinates."""
    return _change(sample, images=donor['inputs']['support'])


def shuffled_keypoints(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Give every labelled support keypoint the place of another one."""
    supports = sample['data_samples'].supports
    labelled = co_visible(supports[0], supports[1:])
    cycle = rng.permutation(np.flatnonzero(labelled))
    index = np.arange(len(labelled))
    index[cycle] = np.roll(cycle, 1)
    return _change(sample, supports=_take_keypoints(supports, index))


def no_skeleton(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Remove all edges."""
    return _change(sample, skeleton=[])


def permuted_order(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """List the keypoints in another order, which should change nothing."""
    episode = sample['data_samples']
    index = rng.permutation(episode.num_keypoints)
    place = np.argsort(index)
    change = _change(
        sample,
        skeleton=[[int(place[end]) for end in e] for e in episode.skeleton],
        keypoint_names=[episode.keypoint_names[i] for i in index],
        flip_pairs=[
            [int(place[one]), int(place[other])]
            for one, other in enumerate(episode.partners)
            if one < other
        ],
        supports=_take_keypoints(episode.supports, index),
        queries=_take_keypoints(episode.queries, index),
    )
    return change._replace(order=place)


INTERVENTIONS = {
    'right support': right_support,
    'wrong-category support': wrong_category,
    'wrong image, right coordinates': wrong_image,
    'shuffled support keypoints': shuffled_keypoints,
    'no skeleton': no_skeleton,
    'permuted keypoint order': permuted_order,
}


def _change(
    sample: dict, images: Tensor | None = None, **fields: Any
) -> Intervened:
    """Copy with other support images and fields of the episode."""
    episode, inputs = sample['data_samples'].new(), dict(sample['inputs'])
    for name, value in fields.items():
        if name in ('supports', 'queries'):
            setattr(episode, name, value)
        else:
            episode.set_metainfo({name: value})
    if images is not None:
        inputs['support'] = images
    return _score_all(dict(sample, inputs=inputs, data_samples=episode))


def _score_all(sample: dict) -> Intervened:
    """A sample whose keypoints are all scored, in their order."""
    count = sample['data_samples'].num_keypoints
    return Intervened(sample, np.arange(count), np.ones(count, dtype=bool))


def _take_keypoints(
    members: list[PoseDataSample], index: np.ndarray
) -> list[PoseDataSample]:
    """Copies with keypoints ``index``; -1 stands for a missing one."""
    changed = [member.new() for member in members]
    for member in changed:
        for field in ('gt_instances', 'gt_instance_labels'):
            instances = member.get(field).new()
            for name in _KEYPOINT_FIELDS:
                if name in instances:
                    value = instances.get(name)[:, index]
                    value[:, index < 0] = 0
                    setattr(instances, name, value)
            setattr(member, field, instances)
    return changed


@contextmanager
def zeroed_support_features(model: nn.Module) -> Iterator[None]:
    """Hide the support images from the head: coordinates alone are left.

    ``model.head.support_encoder`` takes the levels of support features as its
    first argument.
    """

    def zero(module: nn.Module, args: tuple) -> tuple:
        return (tuple(torch.zeros_like(x) for x in args[0]), *args[1:])

    handle = model.head.support_encoder.register_forward_pre_hook(zero)
    try:
        yield
    finally:
        handle.remove()


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
    changes = dict(INTERVENTIONS)
    if hasattr(model.head, 'support_encoder'):
        changes[_ZEROED] = right_support
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
