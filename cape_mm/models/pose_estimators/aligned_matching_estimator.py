# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

from mmpose.utils.typing import ConfigType
from torch import Tensor

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

from .aligned_refinement import AlignedRefinement, check_num_keypoints
from .matching_estimator import MatchingEstimator

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class AlignedMatchingEstimator(AlignedRefinement, MatchingEstimator):
    """Matching, refined by a head that is fitted to the category.

    The matcher's keypoints align the query with the head's template; the
    aligned image goes through the backbone once more, and
    :class:`AlignedHeatmapHead` reads its maps near the matcher's keypoints.
    ``tools/finetune.py`` fits the head to some labelled images; supports are
    given as for the matcher.

    Args:
        aligned_head (ConfigType): Config of :class:`AlignedHeatmapHead`.
        aligned_size (int): Side of the aligned image, input pixels. Defaults
            to 256.
        **kwargs: Arguments of :class:`MatchingEstimator`. The matcher takes
            the last levels of the backbone, as many as it has weights; the
            aligned head takes all.
    """

    def __init__(
        self, aligned_head: ConfigType, aligned_size: int = 256, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.aligned_head = MODELS.build(aligned_head)
        self.aligned_size = aligned_size

    def _extract(self, images: Tensor) -> Features:
        """The matcher's levels of images (N, 3, H, W)."""
        return super()._extract(images)[-len(self.head.level_weights) :]

    def _decode(
        self,
        inputs: dict[str, Tensor],
        support: Features,
        query: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (B, Q, K, 2) and scores (B, Q, K)."""
        points, scores = super()._decode(inputs, support, query, batch)
        known = self.aligned_head.template.valid
        check_num_keypoints(len(known), points.shape[2])
        shape = points.shape[:2]
        refined = self.refine(
            inputs['query'].flatten(0, 1),
            points.flatten(0, 1),
            scores.flatten(0, 1),
        )
        points, scores = (value.unflatten(0, shape) for value in refined)
        return points, scores
