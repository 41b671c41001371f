# Copyright (c) cape_mm contributors. All rights reserved.
"""Changes of an episode's supports that reveal how a model uses them.

Each takes ``(sample, donor, rng)``: a sample of an episode dataset, one of
another category, and a generator. The arguments are not modified; queries
keep their images and their labels.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, NamedTuple

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import nn

from cape_mm.structures import EpisodeDataSample

from .metrics.episode_pairs import co_visible

# Fields whose second axis counts keypoints.
_KEYPOINT_FIELDS = (
    'keypoints',
    'keypoints_visible',
    'transformed_keypoints',
    'keypoint_labels',
    'keypoint_weights',
)


class Intervened(NamedTuple):
    """A changed sample with the K keypoints of the original.

    ``order`` (K,), int, is the predicted keypoint of each original one;
    ``judged`` (K,), bool, the original keypoints with a scored prediction.
    """

    sample: dict
    order: np.ndarray
    judged: np.ndarray


Intervention = Callable[[dict, dict, np.random.Generator], Intervened]


def right_support(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Change nothing."""
    return _change(sample)


def wrong_category(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Take the donor's supports: images, keypoints and skeleton.

    Categories differ in their number of keypoints. Keypoint *j* of the donor
    stands for keypoint *j* of the query, for j below the smaller count and
    where all the donor's supports label it; the others are missing in the
    support and are not scored.
    """
    ours, theirs = sample['data_samples'], donor['data_samples']
    count = ours.num_keypoints
    common = min(count, theirs.num_keypoints)
    index = np.full(count, -1)
    index[:common] = np.arange(common)
    supports = [_take_keypoints(s, index) for s in theirs.supports]
    skeleton = [list(e) for e in theirs.skeleton if max(e) < common]
    judged = co_visible(supports[0], supports[1:])
    inputs = dict(sample['inputs'], support=donor['inputs']['support'])
    changed = _with_supports(ours, supports, skeleton)
    return _change(sample, judged=judged, inputs=inputs, data_samples=changed)


def wrong_image(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Take the donor's support images with our own coordinates."""
    inputs = dict(sample['inputs'], support=donor['inputs']['support'])
    return _change(sample, inputs=inputs)


def shuffled_keypoints(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Give every labelled support keypoint the place of another one."""
    episode = sample['data_samples']
    labelled = co_visible(episode.supports[0], episode.supports[1:])
    cycle = rng.permutation(np.flatnonzero(labelled))
    index = np.arange(episode.num_keypoints)
    index[cycle] = np.roll(cycle, 1)
    supports = [_take_keypoints(s, index) for s in episode.supports]
    changed = _with_supports(episode, supports, episode.skeleton)
    return _change(sample, data_samples=changed)


def no_skeleton(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """Remove all edges."""
    episode = sample['data_samples']
    changed = _with_supports(episode, episode.supports, [])
    return _change(sample, data_samples=changed)


def permuted_order(
    sample: dict, donor: dict, rng: np.random.Generator
) -> Intervened:
    """List the keypoints in another order, which should change nothing."""
    episode = sample['data_samples']
    index = rng.permutation(episode.num_keypoints)
    place = np.argsort(index)
    supports = [_take_keypoints(s, index) for s in episode.supports]
    skeleton = [[int(place[end]) for end in e] for e in episode.skeleton]
    changed = _with_supports(episode, supports, skeleton)
    changed.queries = [_take_keypoints(q, index) for q in episode.queries]
    names = [episode.keypoint_names[i] for i in index]
    changed.set_metainfo(dict(keypoint_names=names))
    return _change(sample, order=place, data_samples=changed)


INTERVENTIONS: dict[str, Intervention] = {
    'right support': right_support,
    'wrong-category support': wrong_category,
    'wrong image, right coordinates': wrong_image,
    'shuffled support keypoints': shuffled_keypoints,
    'no skeleton': no_skeleton,
    'permuted keypoint order': permuted_order,
}


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


def _change(
    sample: dict,
    order: np.ndarray | None = None,
    judged: np.ndarray | None = None,
    **entries: Any,
) -> Intervened:
    """Sample with other entries; all K keypoints in their order by default."""
    count = sample['data_samples'].num_keypoints
    return Intervened(
        sample=dict(sample, **entries) if entries else sample,
        order=np.arange(count) if order is None else order,
        judged=np.ones(count, dtype=bool) if judged is None else judged,
    )


def _with_supports(
    episode: EpisodeDataSample,
    supports: list[PoseDataSample],
    skeleton: list[list[int]],
) -> EpisodeDataSample:
    """Copy of an episode with other supports and edges."""
    changed = episode.new()
    changed.set_metainfo(dict(skeleton=[list(edge) for edge in skeleton]))
    changed.supports = list(supports)
    changed.queries = list(episode.queries)
    return changed


def _take_keypoints(
    member: PoseDataSample, index: np.ndarray
) -> PoseDataSample:
    """Copy with keypoints ``index``; -1 stands for a missing one."""
    changed = member.new()
    for field in ('gt_instances', 'gt_instance_labels'):
        instances = member.get(field).new()
        for name in _KEYPOINT_FIELDS:
            if name in instances:
                value = instances.get(name)[:, index]
                value[:, index < 0] = 0
                setattr(instances, name, value)
        setattr(changed, field, instances)
    return changed
