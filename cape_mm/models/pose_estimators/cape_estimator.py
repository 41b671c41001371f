# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import ForwardResults
from torch import Tensor

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch, EpisodeDataSample
from cape_mm.structures.coordinates import norm_to_pixels

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class CapeEstimator(BasePoseEstimator):
    """Category-agnostic pose estimator: one backbone for support and query.

    Takes the arguments of :class:`BasePoseEstimator`. ``train_cfg`` knows

    - ``rotate_roles`` (bool): whether every member of an episode is support
      and query in turn, see :func:`rotate_members`. Defaults to False.
    - ``separate_roles`` (bool): whether supports and queries run through the
      backbone in two passes, as in the published methods: batch norm that is
      trained takes its statistics from each of them. Defaults to False.

    ``test_cfg`` knows

    - ``teacher_forced`` (bool): whether to predict annotated queries from
      annotated previous keypoints as well, into ``teacher_forced_instances``,
      for :class:`TeacherForcingGap`. Defaults to False.
    """

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
        mode: str = 'tensor',
    ) -> ForwardResults:
        """Entry of MMEngine's runner; all modes need the supports' labels.

        Args:
            inputs (dict[str, Tensor]): See :meth:`loss`.
            data_samples (list[EpisodeDataSample]): B episodes.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``. Defaults to
                ``'tensor'``.

        Returns:
            dict | list | tuple: See :meth:`loss` and :meth:`predict`;
            ``'tensor'`` gives normalised keypoints (B, Q, K, 2) and scores
            (B, Q, K).
        """
        if mode == 'tensor':
            return self._forward(inputs, data_samples)
        return super().forward(inputs, data_samples, mode)

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
    ) -> dict[str, Tensor]:
        """Compute the losses of B episodes.

        Args:
            inputs (dict[str, Tensor]): Preprocessed images ``support``
                (B, S, 3, H, W) and ``query`` (B, Q, 3, H, W).
            data_samples (list[EpisodeDataSample]): B annotated episodes.

        Returns:
            dict[str, Tensor]: Losses of the head.
        """
        if self.train_cfg.get('separate_roles'):
            support = self.encode_supports(inputs['support'])
            query = self.encode_queries(inputs['query'])
        else:
            support, query = self.extract_feat(inputs)
        batch = self._batch(inputs, data_samples)
        if self.train_cfg.get('rotate_roles'):
            support, query = self._rotate_levels(support, query, batch)
            batch = rotate_batch(batch)
        return self.head.loss(support, query, batch)

    def predict(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
        support: Features | None = None,
    ) -> list[EpisodeDataSample]:
        """Predict the keypoints of all queries.

        Args:
            inputs (dict[str, Tensor]): See :meth:`loss`.
            data_samples (list[EpisodeDataSample]): B episodes; queries need
                no annotation.
            support (tuple[Tensor], optional): Result of
                :meth:`encode_supports`, to be used for further queries.

        Returns:
            list[EpisodeDataSample]: The same episodes, whose queries have
            ``pred_instances`` with ``keypoints`` (1, K, 2), float32, original
            pixels, and ``keypoint_scores`` (1, K).
        """
        if support is None:
            support, query = self.extract_feat(inputs)
        else:
            query = self.encode_queries(inputs['query'])
        batch = self._batch(inputs, data_samples)
        predictions = self._decode(inputs, support, query, batch)
        self._attach(data_samples, 'pred_instances', predictions)
        if self.test_cfg.get('teacher_forced') and batch.query_valid.any():
            diagnostic = self.head.predict(
                support, query, batch, teacher_forced=True
            )
            self._attach(data_samples, 'teacher_forced_instances', diagnostic)
        return data_samples

    def _forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
    ) -> tuple[Tensor, Tensor]:
        """Predict normalised keypoints and scores."""
        support, query = self.extract_feat(inputs)
        batch = self._batch(inputs, data_samples)
        return self._decode(inputs, support, query, batch)

    def _decode(
        self,
        inputs: dict[str, Tensor],
        support: Features,
        query: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Normalised keypoints (B, Q, K, 2) and scores (B, Q, K)."""
        return self.head.predict(support, query, batch)

    def extract_feat(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Features, Features]:
        """Extract features of supports and queries in one pass.

        Args:
            inputs (dict[str, Tensor]): See :meth:`loss`.

        Returns:
            tuple[Features, Features]: Levels of (B * S, C, H', W') and of
            (B * Q, C, H', W').
        """
        support = inputs['support'].flatten(0, 1)
        query = inputs['query'].flatten(0, 1)
        levels = self._extract(torch.cat([support, query]))
        sizes = [len(support), len(query)]
        support, query = zip(*(level.split(sizes) for level in levels))
        return support, query

    def encode_supports(self, images: Tensor) -> Features:
        """Extract features of supports alone.

        Args:
            images (Tensor): Preprocessed images (B, S, 3, H, W).

        Returns:
            tuple[Tensor]: Levels of (B * S, C, H', W').
        """
        return self._extract(images.flatten(0, 1))

    def encode_queries(self, images: Tensor) -> Features:
        """Extract features of queries alone.

        Args:
            images (Tensor): Preprocessed images (B, Q, 3, H, W).

        Returns:
            tuple[Tensor]: Levels of (B * Q, C, H', W').
        """
        return self._extract(images.flatten(0, 1))

    def _extract(self, images: Tensor) -> Features:
        """Levels of images (N, 3, H, W)."""
        return super().extract_feat(images)

    @staticmethod
    def _rotate_levels(
        support: Features, query: Features, batch: EpisodeBatch
    ) -> tuple[Features, Features]:
        """Rotate the roles of the members on every feature level."""
        shape = (len(batch.adjacency), -1)
        rotated = [
            rotate_members(one.unflatten(0, shape), other.unflatten(0, shape))
            for one, other in zip(support, query)
        ]
        support, query = zip(
            *(
                (one.flatten(0, 1), other.flatten(0, 1))
                for one, other in rotated
            )
        )
        return support, query

    @staticmethod
    def _batch(
        inputs: dict[str, Tensor], data_samples: list[EpisodeDataSample]
    ) -> EpisodeBatch:
        return EpisodeBatch.from_data_samples(
            data_samples, inputs['query'].device
        )

    @staticmethod
    def _attach(
        data_samples: list[EpisodeDataSample],
        name: str,
        predictions: tuple[Tensor, Tensor],
    ) -> None:
        """Store (B, Q, K, 2) points and (B, Q, K) scores on the queries."""
        points, scores = (x.float().cpu().numpy() for x in predictions)
        for i, episode in enumerate(data_samples):
            num_keypoints = episode.num_keypoints
            for j, query in enumerate(episode.queries):
                instances = InstanceData(
                    keypoints=_to_image(points[i, j, :num_keypoints], query),
                    keypoint_scores=scores[i, j, None, :num_keypoints],
                    keypoints_visible=scores[i, j, None, :num_keypoints],
                    bboxes=query.gt_instances.bboxes,
                    bbox_scores=query.gt_instances.bbox_scores,
                )
                query.set_field(instances, name, dtype=InstanceData)


def _to_image(points: np.ndarray, sample: PoseDataSample) -> np.ndarray:
    """Turn normalised points (K, 2) into original pixels (1, K, 2)."""
    meta = sample.metainfo
    size = np.asarray(meta['input_size'])
    pixels = norm_to_pixels(points, size[::-1])
    # the way back of TopdownAffine, as in MMPose's top-down estimators
    offset = meta['input_center'] - 0.5 * meta['input_scale']
    pixels = pixels / size * meta['input_scale'] + offset
    return pixels.astype(np.float32)[None]


def rotate_members(support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Shift the roles of supports (B, S, ...) and queries (B, Q, ...).

    Each of the B episodes becomes S + Q episodes, in the r-th of which the
    members r, r + 1, ... are the supports. The backbone processes every image
    once; the head learns from S + Q times as many pairs.
    """
    members = torch.cat([support, query], dim=1)
    steps = torch.arange(members.shape[1], device=members.device)
    order = (steps.unsqueeze(0) + steps.unsqueeze(1)) % len(steps)
    rotated = members[:, order].flatten(0, 1)
    sizes = [support.shape[1], query.shape[1]]
    return rotated.split(sizes, dim=1)


def rotate_batch(batch: EpisodeBatch) -> EpisodeBatch:
    """Apply :func:`rotate_members` to the labels of B episodes."""
    support_points, query_points = rotate_members(
        batch.support_points, batch.query_points
    )
    support_valid, query_valid = rotate_members(
        batch.support_valid, batch.query_valid
    )
    num_members = len(support_points) // len(batch.adjacency)
    return EpisodeBatch(
        support_points,
        support_valid,
        query_points,
        query_valid,
        batch.adjacency.repeat_interleave(num_members, dim=0),
        batch.partners.repeat_interleave(num_members, dim=0),
        tuple(
            names for names in batch.keypoint_names for _ in range(num_members)
        ),
    )
