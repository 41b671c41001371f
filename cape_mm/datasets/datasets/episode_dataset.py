# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from itertools import chain
from typing import Callable, Sequence

import numpy as np
import torch
from mmengine.dataset import Compose, force_full_init
from mmengine.logging import print_log
from torch.utils.data import Dataset

from cape_mm.datasets.formats.image_check import read_image
from cape_mm.datasets.formats.mp100.pair_list import find_small_categories
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS
from cape_mm.structures import EpisodeDataSample

from ..pipeline import build_transforms


@DATASETS.register_module()
class EpisodeDataset(Dataset):
    """Episodes of S supports and Q queries of one category.

    The category is drawn uniformly among those with at least S + Q
    instances, the members without replacement. Everything random, also in
    transforms that read ``results['rng']``, comes from one generator seeded
    by ``(seed, epoch, episode)``, so that an episode does not depend on
    workers, ranks or a resume. Transforms that must treat all members alike
    read ``results['episode_rng']``.

    A member that cannot be used is replaced by another instance of its
    category: an image that cannot be read or decoded, a pipeline that
    returns None, a support without labelled keypoint inside its crop. The
    paths are listed in the episode's ``replaced``.

    A sample is ``dict(inputs=dict(support=..., query=...),
    data_samples=EpisodeDataSample)`` with uint8 tensors (S, 3, H, W) and
    (Q, 3, H, W).

    Args:
        dataset (dict | Dataset): Instances, e.g. ``cape_mm.MP100Dataset``.
            Its own pipeline is not used.
        pipeline (Sequence[dict | Callable]): MMPose transforms of one member,
            from ``LoadImage`` to ``PackPoseInputs``.
        num_shots (int): S. Defaults to 1.
        num_queries (int): Q. Defaults to 1.
        num_episodes (int): Episodes per epoch. Defaults to 1000.
        seed (int): Seed of the episodes when indexed with an ``int``, as in
            validation and test; not negative. Defaults to 0.
        test_mode (bool): Not used, MMEngine passes it. Defaults to False.
        lazy_init (bool): Whether ``full_init`` is called later. Defaults to
            False.

    Raises:
        DataError: If no category has enough instances.
    """

    #: Whether a support needs a labelled keypoint inside its crop.
    _needs_labelled_support = True

    def __init__(
        self,
        dataset: dict | Dataset,
        pipeline: Sequence[dict | Callable],
        num_shots: int = 1,
        num_queries: int = 1,
        num_episodes: int = 1000,
        seed: int = 0,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        for name, value, least in (
            ('num_shots', num_shots, 1),
            ('num_queries', num_queries, 1),
            ('num_episodes', num_episodes, 1),
            ('seed', seed, 0),
        ):
            if value < least:
                raise ValueError(f'{name} is {value}, must be >= {least}')
        _check_frame(pipeline)
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        self.pipeline = Compose(build_transforms(pipeline))
        self.num_shots = num_shots
        self.num_queries = num_queries
        self.num_episodes = num_episodes
        self.seed = seed
        self.test_mode = test_mode
        self._pools: dict[int, np.ndarray] = {}
        self._unusable: dict[str, str] = {}
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the instances and of the episodes.

        ``drawn_from`` holds ``categories``, their ids, and ``num_instances``.
        It is part of checkpoints, see :class:`ResumeCheckHook`.
        """
        info = dict(self.dataset.metainfo)
        if self._fully_initialized:
            info['drawn_from'] = self._drawn_from()
        return info

    def full_init(self) -> None:
        """Load the annotations, unless that has been done."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        self._pools = self._make_pools()
        self._fully_initialized = True

    def __len__(self) -> int:
        return self.num_episodes

    @force_full_init
    def __getitem__(self, index: int | SampleIndex) -> dict:
        """Make one episode.

        Args:
            index (int | SampleIndex): Index of the episode; an ``int`` ``i``
                means ``SampleIndex(self.seed, 0, i)``.

        Returns:
            dict: See the description of the class.

        Raises:
            DataError: If the category has not enough usable instances.
        """
        index = SampleIndex.resolve(index, self)
        rng = np.random.default_rng(list(index))
        category_id, members, spares = self.draw_members(index, rng)
        category = self.dataset.categories[category_id]
        spares = iter(spares)
        replaced: list[str] = []
        packed = []
        for number, member in enumerate(members):
            for candidate in chain([member], spares):
                result = self._load_member(
                    candidate, number < self.num_shots, index, rng, replaced
                )
                if result is not None:
                    packed.append(result)
                    break
            else:
                reasons = '; '.join(
                    f'{path} {self._unusable[path]}' for path in replaced
                )
                raise DataError(
                    f'no usable instance of category {category} is left for '
                    f'episode {tuple(index)}. Repair or remove: {reasons}'
                )
        metainfo = dict(
            episode=tuple(index),
            category_id=category.id,
            category_name=category.name,
            supercategory=category.supercategory,
            keypoint_names=list(category.keypoint_names),
            skeleton=[list(edge) for edge in category.skeleton],
            flip_pairs=category.flip_pairs,
            num_keypoints=category.num_keypoints,
            replaced=replaced,
        )
        return pack_episode(
            packed[: self.num_shots], packed[self.num_shots :], metainfo
        )

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Choose the category and the members of an episode.

        Args:
            index (SampleIndex): Index of the episode.
            rng (np.random.Generator): Generator of the episode.

        Returns:
            tuple:
            - category_id (int)
            - members (list[int]): S supports, then Q queries, as indices of
              ``self.dataset``.
            - spares (list[int]): Instances that step in, in this order, for
              members that cannot be used.
        """
        category_ids = list(self._pools)
        category_id = category_ids[rng.integers(len(category_ids))]
        order = rng.permutation(self._pools[category_id]).tolist()
        num_members = self.num_shots + self.num_queries
        return category_id, order[:num_members], order[num_members:]

    @force_full_init
    def describe(self) -> str:
        """Describe in a few lines what the episodes are made of.

        Returns:
            str: The lines.
        """
        mode, *lines = self._describe_members()
        return '\n'.join(
            [
                f'mode: {mode}',
                f'annotations: {getattr(self.dataset, "ann_file", "?")}',
                *lines,
                f'episode: {self.num_shots} shot(s), {self.num_queries} '
                'query(s)',
                f'episodes per epoch: {self.num_episodes}',
            ]
        )

    def _describe_members(self) -> list[str]:
        """The mode, and lines about what members are drawn from."""
        num_instances = sum(len(pool) for pool in self._pools.values())
        return [
            'episodes, support and query are different instances of one '
            'category',
            f'categories: {len(self._pools)} with {num_instances} instances',
        ]

    def _drawn_from(self) -> dict:
        """Identity of the dataset, wherever its files are."""
        return dict(
            categories=list(self._pools),
            num_instances=sum(len(pool) for pool in self._pools.values()),
        )

    def _make_pools(self) -> dict[int, np.ndarray]:
        """Instances of each category that has enough of them."""
        instances = self.dataset.indices_by_category
        small, text = find_small_categories(
            instances,
            self.dataset.categories,
            self.num_shots,
            self.num_queries,
            f' of {getattr(self.dataset, "ann_file", "?")}',
        )
        if small and len(small) == len(instances):
            raise DataError(
                f'no episode can be drawn. {text}\nUse fewer shots or '
                'queries, or cape_mm.SingleImageEpisodeDataset for one '
                'image as support and query'
            )
        if small:
            print_log(
                f'Left out of the episodes: {text}',
                logger='current',
                level=logging.WARNING,
            )
        return {
            key: np.array(members)
            for key, members in instances.items()
            if key not in small
        }

    def _load_member(
        self,
        member: int,
        is_support: bool,
        index: SampleIndex,
        rng: np.random.Generator,
        replaced: list[str],
    ) -> dict | None:
        """Run the pipeline on one instance; None if it is not usable."""
        info = self.dataset.get_data_info(member)
        where = info['img_path'], info['id']
        # made anew for each member, so that all of them draw the same from it
        episode_rng = np.random.default_rng([*index, 1])
        info.update(rng=rng, episode_rng=episode_rng)
        result, reason = self._run_pipeline(info)
        if result is not None and is_support and self._needs_labelled_support:
            labels = result['data_samples'].gt_instance_labels
            if not (labels.keypoint_weights > 0).any():
                result = None
                reason = 'a support without labelled keypoint inside the crop'
        if result is None:
            replaced.append(where[0])
            self._report_unusable(*where, reason, index)
        return result

    def _run_pipeline(self, info: dict) -> tuple[dict | None, str]:
        """Packed member, or None and the reason why it is not usable."""
        try:
            result = self.pipeline(info)
        except Exception as error:
            # The decoder fails with various types. If the image can be read,
            # something else is wrong, which must not be hidden.
            if not isinstance(error, OSError) and _is_readable(
                info['img_path']
            ):
                raise
            return None, f'it cannot be read ({error})'
        if result is None:
            return None, 'the pipeline returned None'
        size = tuple(result['data_samples'].ori_shape[1::-1])
        annotated = tuple(info.get('annotated_size', size))
        if size != annotated:
            return None, (
                f'it has {size[0]}x{size[1]} pixels, its annotation is for '
                f'{annotated[0]}x{annotated[1]}'
            )
        return result, ''

    def _report_unusable(
        self, path: str, ann_id: int, reason: str, index: SampleIndex
    ) -> None:
        """Log once that an image is replaced."""
        if path not in self._unusable:
            self._unusable[path] = f'(annotation {ann_id}): {reason}'
            print_log(
                f'Replaced by another instance, since it cannot be used: '
                f'{path} {self._unusable[path]}',
                logger='current',
                level=logging.WARNING,
            )


def pack_episode(
    supports: list[dict], queries: list[dict], metainfo: dict
) -> dict:
    """Sample of an episode, see :class:`EpisodeDataset`, of its members."""
    sizes = {tuple(member['inputs'].shape) for member in supports + queries}
    if len(sizes) > 1:
        raise ValueError(
            f'the pipeline gave members of different shapes {sorted(sizes)}; '
            'let it end with TopdownAffine, GenerateTarget, PackPoseInputs'
        )
    episode = EpisodeDataSample(metainfo=metainfo)
    episode.supports = [member['data_samples'] for member in supports]
    episode.queries = [member['data_samples'] for member in queries]
    images = {
        name: torch.stack([member['inputs'] for member in members])
        for name, members in (('support', supports), ('query', queries))
    }
    return dict(inputs=images, data_samples=episode)


def _is_readable(path: str) -> bool:
    """Whether the image exists and can be decoded."""
    try:
        read_image(path)
        return True
    except Exception:
        return False


def _check_frame(pipeline: Sequence[dict | Callable]) -> None:
    """Refuse labels in another frame than that of the models."""
    for transform in pipeline:
        encoder = (
            transform.get('encoder') if isinstance(transform, dict) else None
        )
        if isinstance(encoder, dict) and encoder['type'] in (
            'RegressionLabel',
            'mmpose.RegressionLabel',
        ):
            raise ValueError(
                'the encoder RegressionLabel in the pipeline of episodes '
                'labels keypoints half an input pixel beside the frame of the '
                "models: use type='cape_mm.NormalizedLabel' instead"
            )
