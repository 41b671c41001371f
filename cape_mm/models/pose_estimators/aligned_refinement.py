# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

import torch
import torch.nn.functional as F
from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import Tensor

from cape_mm.errors import DataError

Features = Tuple[Tensor, ...]


class AlignedRefinement:
    """Mixin of estimators that refine keypoints on an aligned image.

    The keypoints align the image with the template of ``aligned_head``; the
    aligned image goes through the backbone, and :class:`AlignedHeatmapHead`
    reads its maps near the keypoints. The estimator has ``aligned_head`` and
    ``aligned_size``, the side of the aligned image in pixels.
    """

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
        return BasePoseEstimator.extract_feat(self, images)

    def refine(
        self, images: Tensor, points: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Refine keypoints.

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


def check_num_keypoints(expected: int, given: int) -> None:
    """Refuse an episode of another category than the head was fitted to."""
    if given != expected:
        raise DataError(
            f'the model is fitted to {expected} keypoints, the supports have '
            f'{given}: give supports of the category that it was fitted to'
        )
