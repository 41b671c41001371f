# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import os.path as osp

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from cape_mm.datasets.formats.mp100.annotation import load_annotation_file
from cape_mm.datasets.formats.mp100.pair_list import (
    PairEpisode,
    PairList,
    draw_pair_list,
    protocol_objects,
)
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

from .episode_dataset import EpisodeDataset
from .episode_member import load_member


@DATASETS.register_module()
class PairListEpisodeDataset(EpisodeDataset):
    """The fixed, published episodes of MP-100 validation and test.

    One item is one episode: S supports, and 15 queries, each of which is a
    pair. The list follows from the annotation file, or is read from
    ``pair_file``; its hash is in ``describe()`` and in
    ``metainfo['pair_list']``. No member is ever replaced: one that cannot be
    read is an error, and a support without keypoint inside its crop is used
    as it is, as in the published code.

    Args:
        *args: See :class:`EpisodeDataset`.
        num_shots (int): S. Defaults to 1.
        num_queries (int): Q. Defaults to 15.
        episodes_per_category (int): 200 for test, 100 for validation; not
            used with ``pair_file``. Defaults to 200.
        seed (int): Seed of the list. Defaults to 1, the published one.
        pair_file (str, optional): List written by
            ``tools/dataset_converters/make_pair_list.py``.
        incomplete (str): What to do if not every pair of the list can be
            evaluated: ``'error'``, or ``'skip'`` to leave out categories with
            fewer than S + Q objects, queries without usable image, and
            episodes with such a support. Results are then partial, and marked
            so. Needs ``missing_images='drop'`` of the instances' dataset if
            images are missing, and a batch size of 1, because episodes then
            differ in the number of queries. Defaults to ``'error'``.
        **kwargs: See :class:`EpisodeDataset`.

    Raises:
        DataError: If the list does not fit the annotations, or is
            incomplete.
    """

    def __init__(
        self,
        *args,
        num_shots: int = 1,
        num_queries: int = 15,
        episodes_per_category: int = 200,
        seed: int = 1,
        pair_file: str | None = None,
        incomplete: str = 'error',
        **kwargs,
    ) -> None:
        if incomplete not in ('error', 'skip'):
            raise ValueError(
                f"incomplete is 'error' or 'skip', not {incomplete!r}"
            )
        self.episodes_per_category = episodes_per_category
        self.pair_file = pair_file
        self.incomplete = incomplete
        super().__init__(
            *args,
            num_shots=num_shots,
            num_queries=num_queries,
            num_episodes=1,
            seed=seed,
            **kwargs,
        )

    @property
    def metainfo(self) -> dict:
        """dict: That of the instances, and what is evaluated.

        ``pair_list`` holds ``sha256`` (of the whole list),
        ``evaluated_sha256`` (of what is left of it), ``num_shots``,
        ``num_queries``, ``num_episodes``, ``num_pairs``, ``lost_pairs``,
        ``skipped_categories``, ``partial`` and ``source``.
        """
        info = dict(self.dataset.metainfo)
        if self._fully_initialized:
            info['pair_list'] = dict(self._pair_info)
        return info

    @property
    @force_full_init
    def pair_list(self) -> PairList:
        """PairList: What is evaluated."""
        return self._pair_list

    @force_full_init
    def __len__(self) -> int:
        return len(self._pair_list.episodes)

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Look up an episode; see :class:`EpisodeDataset`."""
        episode = self._pair_list.episodes[index.number]
        members = [*episode.supports, *episode.queries]
        return episode.category_id, [self._index_of[i] for i in members], []

    @force_full_init
    def describe(self) -> str:
        """Say which pairs these are.

        Returns:
            str: The lines.
        """
        info = self._pair_info
        categories = {
            episode.category_id for episode in self._pair_list.episodes
        }
        lines = [
            'mode: fixed list of pairs by the protocol of MP-100',
            f'annotations: {getattr(self.dataset, "ann_file", "?")}',
            f'list: {info["source"]}, sha256 {info["sha256"]}',
            f'episodes: {info["num_episodes"]} of {self.num_shots} shot(s) '
            f'and {self.num_queries} queries, {len(categories)} categories',
            f'pairs: {info["num_pairs"]}',
        ]
        if info['partial']:
            lines.append(
                f'PARTIAL: {info["lost_pairs"]} pairs lost, '
                f'{len(info["skipped_categories"])} categories left out; '
                'not comparable with published results'
            )
        return '\n'.join(lines)

    def _make_pools(self) -> dict[int, np.ndarray]:
        """Draw or read the list, and look for all its members."""
        content = load_annotation_file(self.dataset.ann_file)
        objects = protocol_objects(content)
        if self.pair_file is None:
            small = self._find_small(objects)
            whole = draw_pair_list(
                objects,
                self.num_shots,
                self.num_queries,
                self.episodes_per_category,
                self.seed,
            )
            source = f'drawn from the annotations with seed {self.seed}'
        else:
            small = []
            whole = self._read_pair_file(content)
            source = f'read from {osp.basename(self.pair_file)}'
        self._index_of = {
            self.dataset.get_data_info(number)['id']: number
            for number in range(len(self.dataset))
        }
        self._pair_list = self._drop_lost(whole)
        if not self._pair_list.episodes:
            raise DataError(
                f'no pair of {self.dataset.ann_file} can be evaluated'
            )
        lost = whole.num_pairs - self._pair_list.num_pairs
        self._pair_info = dict(
            sha256=whole.sha256,
            evaluated_sha256=self._pair_list.sha256,
            source=source,
            num_shots=self.num_shots,
            num_queries=self.num_queries,
            num_episodes=len(self._pair_list.episodes),
            num_pairs=self._pair_list.num_pairs,
            lost_pairs=lost,
            skipped_categories=small,
            partial=bool(lost or small),
        )
        self.num_episodes = len(self._pair_list.episodes)
        return {}

    def _find_small(self, objects: dict[int, list[int]]) -> list[int]:
        """Categories of which no episode can be drawn."""
        need = self.num_shots + self.num_queries
        small = {k: len(v) for k, v in objects.items() if len(v) < need}
        if small:
            lines = [
                f'  {self.dataset.categories[key]}: {count}'
                for key, count in small.items()
            ]
            self._report(
                f'{len(small)} of {len(objects)} categories of '
                f'{self.dataset.ann_file} have fewer than {need} objects '
                f'({self.num_shots} shots + {self.num_queries} queries):\n'
                + '\n'.join(lines),
                'use fewer queries, which is another protocol',
            )
        return list(small)

    def _read_pair_file(self, content: dict) -> PairList:
        """Read the list and make sure that it belongs to the annotations."""
        pairs = PairList.load(self.pair_file)
        wanted = (self.num_shots, self.num_queries)
        found = (pairs.num_shots, pairs.num_queries)
        if found != wanted:
            raise DataError(
                f'{self.pair_file} has (shots, queries) = {found}, the '
                f'config says {wanted}: correct num_shots and num_queries'
            )
        category_of = {
            ann['id']: ann['category_id'] for ann in content['annotations']
        }
        for number, episode in enumerate(pairs.episodes):
            for ann_id in episode.supports + episode.queries:
                if category_of.get(ann_id) != episode.category_id:
                    raise DataError(
                        f'{self.pair_file}, episode {number}: annotation '
                        f'{ann_id} of category {episode.category_id} is not '
                        f'in {self.dataset.ann_file}; the list was made from '
                        'another annotation file'
                    )
        return pairs

    def _drop_lost(self, pairs: PairList) -> PairList:
        """Leave out, or refuse, pairs whose members are not usable."""
        lost = sorted(
            {
                ann_id
                for episode in pairs.episodes
                for ann_id in episode.supports + episode.queries
            }
            - set(self._index_of),
            key=str,
        )
        if not lost:
            return pairs
        episodes = []
        for episode in pairs.episodes:
            queries = tuple(i for i in episode.queries if i in self._index_of)
            if queries and all(i in self._index_of for i in episode.supports):
                episodes.append(
                    PairEpisode(episode.category_id, episode.supports, queries)
                )
        kept = PairList(
            pairs.num_shots, pairs.num_queries, tuple(episodes), pairs.origin
        )
        self._report(
            f'{len(lost)} annotations of {self.dataset.ann_file} that the '
            f'list names are not usable, e.g. {lost[:5]}: their image is '
            'missing, or they were skipped when the file was read (see the '
            f'log). That loses {pairs.num_pairs - kept.num_pairs} of '
            f'{pairs.num_pairs} pairs',
            'see tools/dataset_converters/prepare_mp100.py for what is '
            'missing',
        )
        return kept

    def _report(self, problem: str, remedy: str) -> None:
        """Refuse an incomplete list, or log what is left out."""
        if self.incomplete == 'error':
            raise DataError(
                f"{problem}\nFor partial results set incomplete='skip'; or "
                f'{remedy}'
            )
        print_log(
            f'Left out, results are partial: {problem}',
            logger='current',
            level=logging.WARNING,
        )

    def _load_member(
        self,
        member: int,
        is_support: bool,
        index: SampleIndex,
        rng: np.random.Generator,
        replaced: list[str],
    ) -> dict:
        """Run the pipeline on one instance; it is used or an error."""
        info = self.dataset.get_data_info(member)
        where = f'{info["img_path"]} (annotation {info["id"]})'
        episode_rng = np.random.default_rng([*index, 1])
        result, reason = load_member(
            self.pipeline, info, rng, episode_rng, is_support=False
        )
        if result is None:
            raise DataError(
                f'{where} of episode {index.number} cannot be used: '
                f'{reason}. Repair the image: a fixed list of pairs has no '
                'substitutes'
            )
        return result
