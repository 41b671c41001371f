# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

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
        - ``replaced`` (list[str]): paths of members that could not be used
          and were replaced by another instance of the category.
    """

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
