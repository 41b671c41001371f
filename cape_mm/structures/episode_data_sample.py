# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from collections import Counter

from mmengine.structures import BaseDataElement
from mmpose.structures import PoseDataSample


class EpisodeDataSample(BaseDataElement):
    """One episode: support instances and query instances of one category.

    Each member is an ordinary :class:`PoseDataSample` as packed by MMPose, so
    that its visualizer and metrics work on it. ``gt_instances`` of a member
    are in original pixels, ``gt_instance_labels`` in the normalised frame.

    Meta information:
        - ``episode`` (tuple[int, int, int]): seed, epoch and number of the
          episode; drawing it again gives the same members.
        - ``category_id`` (int), ``category_name`` (str), ``supercategory``
          (str, empty where not given).
        - ``keypoint_names`` (list[str]), ``num_keypoints`` (int)
        - ``skeleton`` (list[list[int]]): 0-based index pairs.
        - ``flip_pairs`` (Sequence[Sequence[int]], optional): 0-based indices
          of left and right partners. Defaults to those by left and right in
          the names.
        - ``replaced`` (list[str]): paths of members that could not be used
          and were replaced by another instance of the category.
    """

    @property
    def partners(self) -> list[int]:
        """K indices of the partner on the other side, or of itself."""
        partners = list(range(self.num_keypoints))
        pairs = self.get('flip_pairs')
        if pairs is None:
            pairs = _pairs_by_name(self.get('keypoint_names') or [])
        for one, other in pairs:
            partners[one], partners[other] = other, one
        return partners

    @property
    def supports(self) -> list[PoseDataSample]:
        """S annotated instances."""
        return self._supports

    @supports.setter
    def supports(self, value: list[PoseDataSample]) -> None:
        self.set_field(value, '_supports', dtype=list)

    @supports.deleter
    def supports(self) -> None:
        del self._supports

    @property
    def queries(self) -> list[PoseDataSample]:
        """Q instances whose keypoints are predicted."""
        return self._queries

    @queries.setter
    def queries(self, value: list[PoseDataSample]) -> None:
        self.set_field(value, '_queries', dtype=list)

    @queries.deleter
    def queries(self) -> None:
        del self._queries


def _pairs_by_name(names: list[str]) -> list[tuple[int, int]]:
    """Pairs of names that differ in left and right (l and r) alone."""
    sides = dict(left='right', right='left', l='r', r='l')
    # `leftEye`, `left_eye`, `eye-L`, `LEye`: words in lower case
    pattern = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')
    words = [
        tuple(word.lower() for word in pattern.findall(name)) for name in names
    ]
    # equal names are ambiguous
    once = {key for key, count in Counter(words).items() if count == 1}
    index = {key: i for i, key in enumerate(words) if key in once}
    pairs = []
    for key, i in index.items():
        other = index.get(tuple(sides.get(word, word) for word in key))
        if other is not None and other > i:
            pairs.append((i, other))
    return pairs
