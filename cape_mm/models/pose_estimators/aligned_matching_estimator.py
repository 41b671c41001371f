# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

import torch
import torch.nn.functional as F
from mmpose.utils.typing import ConfigType
from torch import Tensor

from cape_mm.errors import DataError
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

from .matching_estimator import MatchingEstimator

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class AlignedMatchingEstimator(MatchingEstimator):
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

    def align(self, images: Tensor, matrices: Tensor) -> Tensor:
        """Warp images into the template's frame.

        Args:
            images (Tensor): Preprocessed images (N, 3, H, W), H = W.
            matrices (Tensor): Matrices (N, 2, 3) from the normalised frame to
                the template's.

        Returns:
            Tensor: Images (N, 3, S, S), S = ``aligned_size``.
        """
        # y = A x + t in [0, 1] is x = inverse(A) (y - t), in [-1, 1]
        inverse = torch.linalg.inv(matrices[..., :2])
        shift = inverse @ (1 - 2 * matrices[..., 2:]) - 1
        size = [len(images), 3, self.aligned_size, self.aligned_size]
        grid = F.affine_grid(
            torch.cat([inverse, shift], -1), size, align_corners=False
        )
        return F.grid_sample(images, grid, align_corners=False)

    def extract_aligned(self, images: Tensor) -> Features:
        """All levels of the backbone of aligned images (N, 3, S, S)."""
        return super()._extract(images)

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
        template = self.aligned_head.template
        if points.shape[2] != len(template.valid):
            raise DataError(
                f'the model is fitted to {len(template.valid)} keypoints, the '
                f'supports have {points.shape[2]}: give supports of the '
                'category that it was fitted to'
            )
        shape = points.shape[:2]
        refined = self.refine(
            inputs['query'].flatten(0, 1),
            points.flatten(0, 1),
            scores.flatten(0, 1),
        )
        points, scores = (value.unflatten(0, shape) for value in refined)
        return points, scores

    def refine(
        self, images: Tensor, points: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Refine matched keypoints.

        Args:
            images (Tensor): Preprocessed images (N, 3, H, W), H = W.
            points (Tensor): Keypoints (N, K, 2), normalised.
            scores (Tensor): Scores (N, K), 0 without a visible support.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (N, K, 2), normalised, and scores
            (N, K); what the template does not know stays as it was.
        """
        template = self.aligned_head.template
        matrices, mirrored = template(points, scores)
        # no alignment without a certain size
        size = torch.linalg.det(matrices[..., :2]).abs()
        sound = (size > 1e-4) & size.isfinite()
        identity = torch.eye(2, 3).to(matrices)
        matrices = torch.where(sound[:, None, None], matrices, identity)
        levels = self.extract_aligned(self.align(images, matrices))
        read, mass = self.aligned_head.predict(
            levels, template.to_template(points, matrices, mirrored)
        )
        read = template.from_template(read, matrices, mirrored)
        known = (scores > 0) & template.exchange(
            template.valid.expand_as(scores), mirrored
        )
        known &= sound[:, None]
        mass = (template.exchange(mass, mirrored) * scores).sqrt()
        return (
            torch.where(known[..., None], read, points),
            torch.where(known, mass, scores),
        )
