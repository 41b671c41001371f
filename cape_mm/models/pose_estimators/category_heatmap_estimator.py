# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

import torch
import torch.nn.functional as F
from mmpose.utils.typing import OptConfigType
from torch import Tensor

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch, EpisodeDataSample

from .aligned_refinement import AlignedRefinement, check_num_keypoints
from .cape_estimator import CapeEstimator

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class CategoryHeatmapEstimator(AlignedRefinement, CapeEstimator):
    """Ordinary heatmap head of one category, wherever a CAPE model is taken.

    The head reads the crop of the query's box; supports say which keypoints
    are meant, their images are not used. An aligned head may refine the
    keypoints, as in :class:`AlignedMatchingEstimator`. ``tools/finetune.py``
    writes such a model where it is the best one for the labelled images.

    Args:
        image_size (int): Side of the image for the backbone, pixels. Defaults
            to 256.
        aligned_head (ConfigType, optional): Config of the
            :class:`AlignedHeatmapHead` that refines. Defaults to none.
        aligned_size (int): Side of the aligned image, input pixels. Defaults
            to 256.
        **kwargs: Arguments of :class:`CapeEstimator`. The head is an
            :class:`AlignedHeatmapHead`, whose ``padding`` is that of the
            crop.
    """

    def __init__(
        self,
        image_size: int = 256,
        aligned_head: OptConfigType = None,
        aligned_size: int = 256,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.image_size = image_size
        self.aligned_head = aligned_head and MODELS.build(aligned_head)
        self.aligned_size = aligned_size
        # convolutions of CPUs are a third faster so
        self.backbone.to(memory_format=torch.channels_last)

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
    ) -> dict[str, Tensor]:
        """Compute the loss of all queries; see :class:`CapeEstimator`."""
        batch = self._batch(inputs, data_samples)
        return self.head.loss(
            self.encode_queries(inputs['query']),
            batch.query_points.flatten(0, 1),
            batch.query_valid.flatten(0, 1),
        )

    def extract_feat(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Features, Features]:
        """Extract features of queries; there are none of supports."""
        return (), self.encode_queries(inputs['query'])

    def encode_supports(self, images: Tensor) -> Features:
        """No features."""
        return ()

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Find the keypoints.

        Args:
            images (Tensor): Preprocessed images (N, 3, H, W), H = W.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (N, K, 2), normalised, and scores
            (N, K), 0 for those without any label.
        """
        return self._read(images, self._extract(images))

    def _read(self, images: Tensor, feats: Features) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) and scores (N, K)."""
        points, scores = self.head.predict(feats)
        scores = scores * self.head.template.valid
        if self.aligned_head:
            points, scores = self.refine(images, points, scores)
        return points, scores

    def _extract(self, images: Tensor) -> Features:
        """Levels of images (N, 3, H, W)."""
        size = [self.image_size, self.image_size]
        images = F.interpolate(images, size, mode='bilinear')
        images = images.contiguous(memory_format=torch.channels_last)
        return super()._extract(images)

    def _decode(
        self,
        inputs: dict[str, Tensor],
        support: Features,
        query: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (B, Q, K, 2) and scores (B, Q, K)."""
        shape = batch.query_valid.shape
        check_num_keypoints(len(self.head.template.valid), shape[-1])
        points, scores = self._read(inputs['query'].flatten(0, 1), query)
        return points.unflatten(0, shape[:2]), scores.unflatten(0, shape[:2])
