# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.utils.typing import SampleList
from torch import Tensor

from cape_mm.registry import MODELS


@MODELS.register_module()
class AveragedViewsEstimator(TopdownPoseEstimator):
    """Top-down estimator that predicts several views and averages keypoints.

    A view is the input rotated, scaled and changed in contrast a little, as
    training does. It replaces MMPose's mirrored view where there is no
    symmetry, as in cephalograms: errors that differ between the views
    average out. Only the test takes longer, by the number of views.

    Args:
        *args: See :class:`TopdownPoseEstimator`.
        views (Sequence[tuple[float, float, float]]): Rotation in degrees,
            scale of what is visible, and factor of the contrast around the
            mean of the data preprocessor, of each view besides the input
            itself. Defaults to none.
        **kwargs: See :class:`TopdownPoseEstimator`.
    """

    def __init__(
        self,
        *args: Any,
        views: Sequence[Sequence[float]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.views = tuple(tuple(view) for view in views)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Predict the keypoints of each view, and average them.

        Args:
            inputs (Tensor): Normalised images (N, 3, H, W).
            data_samples (list[PoseDataSample]): Samples of the images.

        Returns:
            list[PoseDataSample]: As of :class:`TopdownPoseEstimator`;
            keypoints and scores are means over the views, heatmaps those of
            the input itself.
        """
        result = self._predict_view(inputs, data_samples)
        instances, fields = (
            result
            if isinstance(result, tuple)
            else (
                result,
                None,
            )
        )
        centre = np.divide(inputs.shape[:1:-1], 2)
        points = [[each.keypoints for each in instances]]
        scores = [[each.keypoint_scores for each in instances]]
        for rotation, scale, contrast in self.views:
            matrix = _rotation(rotation, scale)
            found = self._predict_view(
                contrast * _warp(inputs, matrix), data_samples
            )
            found = found[0] if isinstance(found, tuple) else found
            points.append(
                [
                    (each.keypoints - centre) @ matrix.T + centre
                    for each in found
                ]
            )
            scores.append([each.keypoint_scores for each in found])
        means = np.mean(points, axis=0).astype(np.float32)
        for each, mean, score in zip(
            instances, means, np.mean(scores, axis=0).astype(np.float32)
        ):
            each.keypoints, each.keypoint_scores = mean, score
        return self.add_pred_to_datasample(instances, fields, data_samples)

    def _predict_view(self, inputs: Tensor, data_samples: SampleList) -> Any:
        """Predictions of the head, in pixels of the view."""
        feats = self.extract_feat(inputs)
        return self.head.predict(feats, data_samples, test_cfg=self.test_cfg)


def _rotation(degrees: float, scale: float) -> np.ndarray:
    """Matrix (2, 2) from offsets in a view to offsets in the input."""
    x = scale * math.cos(math.radians(degrees))
    y = scale * math.sin(math.radians(degrees))
    return np.array([[x, -y], [y, x]])


def _warp(inputs: Tensor, matrix: np.ndarray) -> Tensor:
    """View of images (N, 3, H, W); outside, the border goes on."""
    half = (np.array(inputs.shape[:1:-1]) - 1) / 2
    theta = np.zeros((2, 3))
    theta[:, :2] = matrix * half / half[:, None]
    theta = torch.from_numpy(theta).to(inputs).expand(len(inputs), 2, 3)
    grid = F.affine_grid(theta, list(inputs.shape), align_corners=True)
    return F.grid_sample(
        inputs, grid, padding_mode='border', align_corners=True
    )
