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

from cape_mm.models.layers import rotate_batch, rotate_members
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch, EpisodeDataSample
from cape_mm.structures.coordinates import norm_to_pixels

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class CapeEstimator(BasePoseEstimator):
    """Category-agnostic pose estimator: one backbone for support and query.

    Takes the arguments of :class:`BasePoseEstimator`. ``train_cfg`` knows

    - ``rotate_roles`` (bool): let every member of an episode be support and
      query in turn, see :func:`rotate_members`. Defaults to False.

    ``test_cfg`` knows

    - ``teacher_forced`` (bool): also predict from annotated previous points
      where a query is annotated, into ``teacher_forced_instances``. Only
      :class:`TeacherForcingGap` reads it. Defaults to False.
    """

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
        mode: str = 'tensor',
    ) -> ForwardResults:
        """Entry of MMEngine's runner; all modes need the supports' labels.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`loss`.
            data_samples (List[EpisodeDataSample]): B episodes.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            dict | list | tuple: See :meth:`loss` and :meth:`predict`;
            ``'tensor'`` gives the head's points and scores.
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
            inputs (Dict[str, Tensor]): ``support`` (B, S, 3, H, W) and
                ``query`` (B, Q, 3, H, W), normalised.
            data_samples (List[EpisodeDataSample]): B annotated episodes.

        Returns:
            Dict[str, Tensor]: See the head.
        """
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
    ) -> list[EpisodeDataSample]:
        """Predict the keypoints of all queries.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`loss`.
            data_samples (List[EpisodeDataSample]): B episodes; queries need
                no annotation.

        Returns:
            List[EpisodeDataSample]: The same episodes; each query has got
            ``pred_instances`` with ``keypoints`` (1, K, 2), float32, in
            original image pixels, and ``keypoint_scores`` (1, K).
        """
        support, query = self.extract_feat(inputs)
        batch = self._batch(inputs, data_samples)
        predictions = self.head.predict(support, query, batch)
        self._attach(data_samples, 'pred_instances', predictions)
        if self.test_cfg.get('teacher_forced') and batch.query_valid.any():
            diagnostic = self.head.teacher_forced(support, query, batch)
            self._attach(data_samples, 'teacher_forced_instances', diagnostic)
        return data_samples

    def _forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[EpisodeDataSample],
    ) -> tuple[Tensor, Tensor]:
        """Predict in [0, 1] of the inputs, without post-processing."""
        support, query = self.extract_feat(inputs)
        return self.head(support, query, self._batch(inputs, data_samples))

    def extract_feat(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Features, Features]:
        """Features of supports and queries from one pass of the backbone.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`loss`.

        Returns:
            Tuple[Features, Features]: Levels of (B * S, C, H', W') and of
            (B * Q, C, H', W').
        """
        support = inputs['support'].flatten(0, 1)
        query = inputs['query'].flatten(0, 1)
        levels = super().extract_feat(torch.cat([support, query]))
        sizes = [len(support), len(query)]
        support, query = zip(*(level.split(sizes) for level in levels))
        return support, query

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
