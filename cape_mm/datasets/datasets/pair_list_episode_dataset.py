# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import os.path as osp
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from cape_mm.datasets.formats.mp100.pair_list import (
    PairList,
    draw_pair_list,
    find_small_categories,
)
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

from .episode_dataset import EpisodeDataset


@DATASETS.register_module()
class PairListEpisodeDataset(EpisodeDataset):
    """The fixed, published episodes of MP-100 validation and test.

    A sample is an episode: S supports, and 15 queries, each of which is a
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
        incomplete (str): Policy if not every pair of the list can be
            evaluated: ``'error'``, or ``'skip'`` to leave out categories with
            fewer than S + Q instances, queries without usable image, and
            episodes with such a support. Results are then partial, and marked
            so. Needs ``missing_images='drop'`` of the instances' dataset if
            images are missing, and a batch size of 1, because episodes then
            differ in the number of queries. Defaults to ``'error'``.
        **kwargs: See :class:`EpisodeDataset`.

    Raises:
        DataError: If the list does not fit the annotations, or is
            incomplete.
    """

    _needs_labelled_support = False

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
        self._pair_list = PairList(num_shots, num_queries, ())
        self._pair_info: dict[str, Any] = {}
        self._index_of: dict[int, int] = {}  # by annotation id
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
        """dict: Meta information of the instances and of the list.

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
        """PairList: The evaluated pairs."""
        return self._pair_list

    @force_full_init
    def __len__(self) -> int:
        return len(self._pair_list.episodes)

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Take an episode from the list; see :class:`EpisodeDataset`."""
        episode = self._pair_list.episodes[index.number]
        members = [*episode.supports, *episode.queries]
        return episode.category_id, [self._index_of[i] for i in members], []

    @force_full_init
    def describe(self) -> str:
        """Describe the pairs in a few lines; see :class:`EpisodeDataset`."""
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

    def full_init(self) -> None:
        """Load the annotations and the list, unless that has been done."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        self._index_of = {
            self.dataset.get_data_info(number)['id']: number
            for number in range(len(self.dataset))
        }
        small: list[int] = []
        if self.pair_file is None:
            whole, small = self._draw_list()
            source = f'drawn from the annotations with seed {self.seed}'
        else:
            whole = self._read_pair_file()
            source = f'read from {osp.basename(self.pair_file)}'
        kept = self._drop_lost(whole)
        if not kept.episodes:
            raise DataError(
                f'no pair of {self.dataset.ann_file} can be evaluated'
            )
        lost = whole.num_pairs - kept.num_pairs
        self._pair_list = kept
        self._pair_info = dict(
            sha256=whole.sha256,
            evaluated_sha256=kept.sha256,
            source=source,
            num_shots=self.num_shots,
            num_queries=self.num_queries,
            num_episodes=len(kept.episodes),
            num_pairs=kept.num_pairs,
            lost_pairs=lost,
            skipped_categories=small,
            partial=bool(lost or small),
        )
        self.num_episodes = len(kept.episodes)
        self._fully_initialized = True

    def _draw_list(self) -> tuple[PairList, list[int]]:
        """The list of the annotations, and the categories too small for it."""
        instances = self.dataset.protocol_instances
        sizes = self.num_shots, self.num_queries
        small, text = find_small_categories(
            instances, self.dataset.categories, *sizes
        )
        if small:
            self._report_incomplete(
                f'{self.dataset.ann_file}: {text}',
                'use fewer queries, which is another protocol',
            )
        pairs = draw_pair_list(
            instances, *sizes, self.episodes_per_category, self.seed
        )
        return pairs, small

    def _read_pair_file(self) -> PairList:
        """Read the list and make sure that it belongs to the annotations."""
        pairs = PairList.load(self.pair_file)
        expected = (self.num_shots, self.num_queries)
        found = (pairs.num_shots, pairs.num_queries)
        if found != expected:
            raise DataError(
                f'{self.pair_file} has (shots, queries) = {found}, the '
                f'config says {expected}: correct num_shots and num_queries'
            )
        known = {
            (category_id, ann_id)
            for category_id, ids in self.dataset.protocol_instances.items()
            for ann_id in ids
        }
        for number, episode in enumerate(pairs.episodes):
            for ann_id in episode.supports + episode.queries:
                if (episode.category_id, ann_id) not in known:
                    raise DataError(
                        f'{self.pair_file}, episode {number}: annotation '
                        f'{ann_id} of category {episode.category_id} is no '
                        f'instance of {self.dataset.ann_file}; the list was '
                        'made from another annotation file'
                    )
        return pairs

    def _drop_lost(self, pairs: PairList) -> PairList:
        """Leave out, or refuse, pairs whose members are not usable."""
        lost = sorted(pairs.members - set(self._index_of), key=str)
        if not lost:
            return pairs
        kept = pairs.keep(self._index_of)
        self._report_incomplete(
            f'{len(lost)} annotations of {self.dataset.ann_file} that the '
            f'list names are not usable, e.g. {lost[:5]}: their image is '
            'missing, or they were skipped when the file was read (see the '
            f'log). That loses {pairs.num_pairs - kept.num_pairs} of '
            f'{pairs.num_pairs} pairs',
            'see tools/dataset_converters/prepare_mp100.py for what is '
            'missing',
        )
        return kept

    def _report_incomplete(self, problem: str, remedy: str) -> None:
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

    def _report_unusable(
        self, path: str, ann_id: int, reason: str, index: SampleIndex
    ) -> None:
        """Refuse a member that is not usable; it is never replaced."""
        raise DataError(
            f'{path} (annotation {ann_id}) of episode {index.number} cannot '
            f'be used: {reason}. Repair the image: a fixed list of pairs has '
            'no substitutes'
        )
