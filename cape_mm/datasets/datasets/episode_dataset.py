# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from typing import Callable, Sequence

import numpy as np
from mmengine.dataset import Compose, force_full_init
from mmengine.logging import print_log
from torch.utils.data import Dataset

from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

from ..pipeline import build_transforms
from .episode_member import load_member
from .episode_packing import pack_episode


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

    An item is ``dict(inputs=dict(support=..., query=...),
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
        test_mode (bool): Kept for MMEngine. Defaults to False.
        lazy_init (bool): Whether ``full_init`` is called later. Defaults to
            False.

    Raises:
        DataError: If no category has enough instances.
    """

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
        """dict: That of the instances, and what episodes are drawn from.

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
            index (int | SampleIndex): Which one; an ``int`` ``i`` means
                ``SampleIndex(self.seed, 0, i)``.

        Returns:
            dict: See the description of the class.

        Raises:
            DataError: If the category has not enough usable instances.
        """
        index = SampleIndex.resolve(index, self)
        rng = np.random.default_rng(list(index))
        category_id, members, spares = self.draw_members(index, rng)
        spares = iter(spares)
        replaced: list[str] = []
        packed = []
        for number, member in enumerate(members):
            is_support = number < self.num_shots
            result = self._load_member(
                member, is_support, index, rng, replaced
            )
            while result is None:
                spare = next(spares, None)
                if spare is None:
                    category = self.dataset.categories[category_id]
                    reasons = '; '.join(
                        f'{path} {self._unusable[path]}' for path in replaced
                    )
                    raise DataError(
                        f'no usable instance of category {category} is left '
                        f'for episode {tuple(index)}. Repair or remove: '
                        f'{reasons}'
                    )
                result = self._load_member(
                    spare, is_support, index, rng, replaced
                )
            packed.append(result)
        return self._pack_episode(index, category_id, packed, replaced)

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Choose the category and the members of an episode.

        Args:
            index (SampleIndex): Which episode.
            rng (np.random.Generator): The episode's generator.

        Returns:
            tuple:
            - category_id (int)
            - members (List[int]): S supports, then Q queries, as indices of
              ``self.dataset``.
            - spares (List[int]): Instances that step in, in this order, for
              members that cannot be used.
        """
        category_ids = list(self._pools)
        category_id = category_ids[rng.integers(len(category_ids))]
        order = rng.permutation(self._pools[category_id]).tolist()
        num_members = self.num_shots + self.num_queries
        return category_id, order[:num_members], order[num_members:]

    @force_full_init
    def describe(self) -> str:
        """Say in a few lines what the episodes are made of.

        Returns:
            str: The lines.
        """
        num_instances = sum(len(pool) for pool in self._pools.values())
        return '\n'.join(
            [
                'mode: episodes, support and query are different images or '
                'objects of one category',
                f'annotations: {getattr(self.dataset, "ann_file", "?")}',
                f'categories: {len(self._pools)} with {num_instances} '
                'instances',
                f'episode: {self.num_shots} shot(s), {self.num_queries} '
                'query(s)',
                f'episodes per epoch: {self.num_episodes}',
            ]
        )

    def _drawn_from(self) -> dict:
        """What tells this dataset from others, wherever its files are."""
        return dict(
            categories=list(self._pools),
            num_instances=sum(len(pool) for pool in self._pools.values()),
        )

    def _make_pools(self) -> dict[int, np.ndarray]:
        """Instances of each category that has enough of them."""
        need = self.num_shots + self.num_queries
        pools, small = {}, []
        for key, indices in self.dataset.indices_by_category.items():
            if len(indices) >= need:
                pools[key] = np.array(indices)
            else:
                category = self.dataset.categories[key]
                small.append(f'  {category}: {len(indices)}')
        if small:
            text = (
                f'{len(small)} of {len(small) + len(pools)} categories of '
                f'{getattr(self.dataset, "ann_file", "?")} have fewer than '
                f'{need} instances ({self.num_shots} shots + '
                f'{self.num_queries} queries):\n' + '\n'.join(small)
            )
            if not pools:
                raise DataError(
                    f'no episode can be drawn. {text}\nUse fewer shots or '
                    'queries, or cape_mm.SingleImageEpisodeDataset for one '
                    'image as support and query'
                )
            print_log(
                f'Left out of the episodes: {text}',
                logger='current',
                level=logging.WARNING,
            )
        return pools

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
        path, ann_id = info['img_path'], info['id']
        # made anew for each member, so that all of them draw the same from it
        episode_rng = np.random.default_rng([*index, 1])
        result, reason = load_member(
            self.pipeline, info, rng, episode_rng, is_support
        )
        if result is None:
            replaced.append(path)
            if path not in self._unusable:
                self._unusable[path] = f'(annotation {ann_id}): {reason}'
                print_log(
                    f'Replaced by another instance, since it cannot be used: '
                    f'{path} {self._unusable[path]}',
                    logger='current',
                    level=logging.WARNING,
                )
        return result

    def _pack_episode(
        self,
        index: SampleIndex,
        category_id: int,
        packed: list[dict],
        replaced: list[str],
    ) -> dict:
        """Assemble packed members, supports first."""
        category = self.dataset.categories[category_id]
        metainfo = dict(
            episode=tuple(index),
            category_id=category.id,
            category_name=category.name,
            supercategory=category.supercategory,
            keypoint_names=list(category.keypoint_names),
            skeleton=[list(edge) for edge in category.skeleton],
            num_keypoints=category.num_keypoints,
            replaced=replaced,
        )
        return pack_episode(
            packed[: self.num_shots], packed[self.num_shots :], metainfo
        )
