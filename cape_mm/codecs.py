# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from mmpose.codecs import RegressionLabel

from cape_mm.registry import KEYPOINT_CODECS
from cape_mm.structures.coordinates import norm_to_pixels, pixels_to_norm


@KEYPOINT_CODECS.register_module()
class NormalizedLabel(RegressionLabel):
    """Keypoints in the normalised frame, as labels of a regression.

    MMPose's :class:`RegressionLabel` divides pixels by the size of the input,
    which is half an input pixel away from the frame in which feature maps are
    sampled, see :mod:`cape_mm.structures.coordinates`.

    Args:
        input_size (tuple[int, int]): Width and height of the input.

    Example:
        >>> codec = NormalizedLabel(input_size=(64, 48))
        >>> encoded = codec.encode(np.array([[[31.5, 23.5]]]))
        >>> encoded['keypoint_labels']
        array([[[0.5, 0.5]]], dtype=float32)
    """

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Encode keypoints.

        Args:
            keypoints (np.ndarray): Keypoints (N, K, 2), input pixels.
            keypoints_visible (np.ndarray, optional): Visibility (N, K).
                Defaults to 1 for all.

        Returns:
            dict: ``keypoint_labels`` (N, K, 2), float32, normalised, and
            ``keypoint_weights`` (N, K), float32, 1 for visible keypoints
            inside the input, else 0.
        """
        encoded = super().encode(keypoints, keypoints_visible)
        labels = pixels_to_norm(keypoints, self.input_size[::-1])
        return dict(encoded, keypoint_labels=labels.astype(np.float32))

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode predictions.

        Args:
            encoded (np.ndarray): Keypoints (N, K, 2), normalised.

        Returns:
            tuple[np.ndarray, np.ndarray]: Keypoints (N, K, 2), input pixels,
            and scores (N, K), 1 for all.
        """
        keypoints = norm_to_pixels(encoded, self.input_size[::-1])
        return keypoints, np.ones(keypoints.shape[:2], np.float32)


@KEYPOINT_CODECS.register_module()
class ReachingLabel(NormalizedLabel):
    """Labels that count as long as their Gaussian reaches the heatmap.

    The published CAPE methods of the CapeFormer lineage keep a keypoint
    outside the input if a part of its heatmap is inside: up to 24 pixels of
    256 at sigma 2. To train and test as they do, their configs label so;
    everything else uses :class:`NormalizedLabel`.

    Args:
        input_size (tuple[int, int]): Width and height of the input.
        sigma (float): Sigma of the Gaussian, in cells; it ends at 3 sigma.
        heatmap_size (tuple[int, int]): Width and height of the heatmap.
            Defaults to (64, 64).
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        sigma: float,
        heatmap_size: tuple[int, int] = (64, 64),
    ) -> None:
        super().__init__(input_size)
        self.sigma = sigma
        self.heatmap_size = heatmap_size

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Encode keypoints.

        Args:
            keypoints (np.ndarray): See :meth:`NormalizedLabel.encode`.
            keypoints_visible (np.ndarray, optional): See there.

        Returns:
            dict: As there, with a weight of 1 for visible keypoints whose
            Gaussian reaches the heatmap. Labels are not clipped.
        """
        encoded = super().encode(keypoints, keypoints_visible)
        size = np.asarray(self.heatmap_size)
        # the rounding of MMPose's heatmaps, towards 0
        centre = np.trunc(keypoints / self.input_size * size + 0.5)
        radius = 3 * self.sigma
        reaches = (centre - radius < size) & (centre + radius + 1 >= 0)
        weights = reaches.all(axis=-1)
        if keypoints_visible is not None:
            weights = weights & (keypoints_visible > 0)
        return dict(encoded, keypoint_weights=weights.astype(np.float32))
