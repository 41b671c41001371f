# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec


def decode_heatmaps(
    heatmaps: np.ndarray,
    codec: BaseKeypointCodec,
    input_center: np.ndarray,
    input_scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Read landmarks off heatmaps, in NumPy, as MMPose's estimator does.

    For networks that run elsewhere, such as in ONNX Runtime.

    Args:
        heatmaps (np.ndarray): (K, h, w) float32.
        codec (BaseKeypointCodec): That of ``model.head.decoder``.
        input_center (np.ndarray): (2,) centre of what the network has seen,
            x and y in pixels of the image; in the data sample's meta
            information.
        input_scale (np.ndarray): (2,) its width and height, in the same.

    Returns:
        Tuple[np.ndarray, np.ndarray]: (K, 2) x, y in pixels of the image,
        and (K,) heights of the maxima.
    """
    points, scores = codec.decode(heatmaps)
    size = np.asarray(codec.input_size)
    center, scale = np.asarray(input_center), np.asarray(input_scale)
    return points[0] / size * scale + center - 0.5 * scale, scores[0]
