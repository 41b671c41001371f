# Copyright (c) cape_mm contributors. All rights reserved.
"""Data samples with targets of a codec, for tests of heatmap heads."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs import UDPHeatmap
from mmpose.structures import PoseDataSample


def heatmap_samples(
    codec: UDPHeatmap, points: np.ndarray, labelled: np.ndarray | None = None
) -> list[PoseDataSample]:
    """Samples of points (N, K, 2) in pixels; all are labelled by default."""
    samples = []
    for i, keypoints in enumerate(points):
        visible = None if labelled is None else labelled[i : i + 1]
        encoded = codec.encode(keypoints[None], visible)
        sample = PoseDataSample()
        sample.gt_fields = PixelData(
            heatmaps=torch.from_numpy(encoded['heatmaps'])
        )
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.from_numpy(encoded['keypoint_weights'])
        )
        samples.append(sample)
    return samples
