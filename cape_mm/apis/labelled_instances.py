# Copyright (c) cape_mm contributors. All rights reserved.
"""Labelled instances of one category: matched, copied and scored."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.engine.few_shot import Labels
from cape_mm.evaluation.functional.keypoints import (
    PCK_THRESHOLDS,
    copy_keypoints,
    longer_side,
)
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import norm_to_pixels

from .checkpoint_config import find_test_dataset
from .inputs.episode_request import EpisodeRequest, RequestMember
from .inputs.images import ImageLoader, check_keypoints

#: Error, as a share of the object's size, from which on it counts the same.
_LARGE_ERROR = 0.2


class LabelledInstances:
    """Instances of a request, prepared by the test pipeline of a model.

    Args:
        request (EpisodeRequest): Names of the category and its keypoints.
        members (Sequence[RequestMember]): N labelled instances.
        model (BaseModel): An :class:`AlignedMatchingEstimator`.
        cfg (Config): Its config.

    Attributes:
        images (list[str]): N paths.
        labels (Labels): Preprocessed images and their labels.
        partners (Tensor): Index (K,), int64, of each keypoint's left or right
            partner, of itself without one.

    Raises:
        DataError: If an image or its labels cannot be used.
    """

    def __init__(
        self,
        request: EpisodeRequest,
        members: Sequence[RequestMember],
        model: torch.nn.Module,
        cfg: Config,
    ) -> None:
        self.images = [member.image for member in members]
        self._model = model
        loader = ImageLoader(find_test_dataset(cfg)['pipeline'])
        points = [check_keypoints(m.keypoints, m.image) for m in members]
        packed = [
            loader.load_support(member.image, keypoints, member.box)
            for member, keypoints in zip(members, points)
        ]
        samples = [item['data_samples'] for item in packed]
        self._points_px = np.stack(points)[..., :2]
        self._boxes_px = np.concatenate(
            [np.asarray(sample.gt_instances.bboxes) for sample in samples]
        )
        crops = [sample.metainfo for sample in samples]
        scale = np.stack([crop['input_scale'] for crop in crops])
        center = np.stack([crop['input_center'] for crop in crops])
        self._crop_scale, self._crop_corner = scale, center - scale / 2
        episode = pack_episode(
            packed,
            packed[:1],
            dict(
                keypoint_names=request.keypoint_names,
                skeleton=request.skeleton,
                flip_pairs=request.flip_pairs,
                num_keypoints=len(request.keypoint_names),
            ),
        )
        data = model.data_preprocessor(pseudo_collate([episode]))
        inputs = data['inputs']['support'][0]
        batch = EpisodeBatch.from_data_samples(
            data['data_samples'], inputs.device
        )
        self.labels = Labels(
            inputs, batch.support_points[0], batch.support_valid[0]
        )
        self.partners = batch.partners[0]
        self._batch = batch
        self._encoded: dict[int, tuple[Tensor, ...]] = {}

    def match(
        self, pool: Sequence[int], shots: int, queries: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Match queries with the first shots that are of other images.

        Args:
            pool (Sequence[int]): Instances that may be supports.
            shots (int): Number of supports at most.
            queries (Sequence[int]): Q instances.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (Q, K, 2), normalised, and scores
            (Q, K).
        """

        def choose_supports(query: int) -> list[int]:
            image = self.images[query]
            return [i for i in pool if self.images[i] != image][:shots]

        results = [
            self._match(supports, list(group))
            for supports, group in groupby(queries, choose_supports)
        ]
        points, scores = map(torch.cat, zip(*results))
        return points, scores

    @torch.no_grad()
    def _match(
        self, supports: list[int], queries: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (Q, K, 2), normalised, and scores of one episode."""
        images, batch = self.labels.images, self._batch
        for index in supports:
            if index not in self._encoded:
                self._encoded[index] = self._model.encode_supports(
                    images[index][None, None]
                )
        levels = zip(*(self._encoded[index] for index in supports))
        points, scores = self._model.head.predict(
            tuple(map(torch.cat, levels)),
            self._model.encode_queries(images[queries][None]),
            replace(
                batch,
                support_points=batch.support_points[:, supports],
                support_valid=batch.support_valid[:, supports],
            ),
        )
        return points[0], scores[0]

    def copy(self, supports: list[int], queries: list[int]) -> Tensor:
        """Copy each support from box to box.

        Args:
            supports (list[int]): S instances.
            queries (list[int]): Q instances.

        Returns:
            Tensor: Keypoints (S, Q, K, 2), normalised.
        """
        copied = copy_keypoints(
            self._points_px[supports][:, None],
            self._boxes_px[supports][:, None],
            self._boxes_px[queries],
        )
        copied = copied - self._crop_corner[queries][:, None]
        copied = copied / self._crop_scale[queries][:, None]
        return torch.from_numpy(copied).to(self.labels.points)

    def to_original(self, points: Tensor) -> np.ndarray:
        """Turn keypoints on all instances into original pixels.

        Args:
            points (Tensor): Keypoints (N, K, 2), normalised.

        Returns:
            np.ndarray: Keypoints (N, K, 2), original pixels.
        """
        height, width = self.labels.images.shape[-2:]
        pixels = norm_to_pixels(points.cpu().numpy(), (height, width))
        shares = pixels / np.array([width, height])
        corner, scale = self._crop_corner[:, None], self._crop_scale[:, None]
        return shares * scale + corner

    def score(self, points: Tensor, queries: list[int]) -> dict[str, float]:
        """Compare keypoints with the labels.

        Args:
            points (Tensor): Keypoints (..., Q, K, 2), normalised.
            queries (list[int]): Q instances.

        Returns:
            dict[str, float]: PCK in percent at all thresholds, and ``error``,
            the mean error as a share of the box's longer side.
        """
        labels = self.labels.select(queries)
        errors = self._distances(points, queries)
        count = labels.valid.sum(-1)  # not 0, or it would not be loaded
        result = {}
        for name, threshold in PCK_THRESHOLDS.items():
            hits = (errors < threshold) & labels.valid
            share = hits.sum(-1) / count
            result[name] = 100 * share.double().mean().item()
        clipped = errors[..., labels.valid].clamp(max=_LARGE_ERROR)
        return dict(result, error=clipped.mean().item())

    def mean_errors(self, points: Tensor, queries: list[int]) -> np.ndarray:
        """Compare keypoints with the labels, one by one instance.

        Args:
            points (Tensor): Keypoints (Q, K, 2), normalised.
            queries (list[int]): Q instances.

        Returns:
            np.ndarray: Mean error (Q,) as a share of the box's longer side.
        """
        valid = self.labels.valid[queries]
        errors = self._distances(points, queries).clamp(max=_LARGE_ERROR)
        means = (errors * valid).sum(-1) / valid.sum(-1)
        return means.double().cpu().numpy()

    def _distances(self, points: Tensor, queries: list[int]) -> Tensor:
        """Errors (..., Q, K) as shares of the box's longer side."""
        sides = np.array([longer_side(self._boxes_px[i]) for i in queries])
        errors = (points - self.labels.points[queries]).norm(dim=-1)
        sizes = self._crop_scale[queries].max(1) / sides
        return errors * errors.new_tensor(sizes)[:, None]
