# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np

from cape_mm.registry import TRANSFORMS

from ..pipeline import SampleTransform


@TRANSFORMS.register_module(name=['RandomCephalogramLook', 'RandomFilmLook'])
class RandomCephalogramLook(SampleTransform):
    """Change a cephalogram as another device or exposure would, at random.

    Gamma, contrast and brightness of the whole image, grain that is the same
    in all channels, and covered rectangles, in this order. Landmarks do
    not move; covered ones stay labelled. Cheapest after ``TopdownAffine``.
    Draws from ``np.random``, as MMPose's transforms do, so that MMEngine's
    seeds hold. Also registered as ``RandomFilmLook``, its name in earlier
    configs.

    Required Keys:

        - img (uint8)

    Modified Keys:

        - img

    Args:
        gamma (tuple[float, float]): Range of the exponent, log-uniform.
            Defaults to (0.7, 1.4).
        contrast (tuple[float, float]): Range of the factor around mid-grey.
            Defaults to (0.8, 1.2).
        brightness (float): Largest shift, in grey levels of 0..255. Defaults
            to 25.
        noise (float): Largest sigma of the grain, in grey levels. Defaults to
            8.
        erase_prob (float): Probability of covered rectangles. Defaults to
            0.3.
        erase_count (int): Largest number of rectangles. Defaults to 2.
        erase_size (tuple[float, float]): Range of their sides, as fractions
            of the sides of the image. Defaults to (0.04, 0.15).
    """

    def __init__(
        self,
        gamma: tuple[float, float] = (0.7, 1.4),
        contrast: tuple[float, float] = (0.8, 1.2),
        brightness: float = 25.0,
        noise: float = 8.0,
        erase_prob: float = 0.3,
        erase_count: int = 2,
        erase_size: tuple[float, float] = (0.04, 0.15),
    ) -> None:
        if min(gamma) <= 0:
            raise ValueError(f'gamma must be positive, got {gamma}')
        if not 0 < min(erase_size) <= max(erase_size) < 1:
            raise ValueError(
                f'erase_size must lie between 0 and 1, got {erase_size}'
            )
        self.gamma = gamma
        self.contrast = contrast
        self.brightness = brightness
        self.noise = noise
        self.erase_prob = erase_prob
        self.erase_count = erase_count
        self.erase_size = erase_size

    def transform(self, results: dict) -> dict:
        """Change one image."""
        exponent = np.exp(np.random.uniform(*np.log(self.gamma)))
        factor = np.random.uniform(*self.contrast)
        shift = np.random.uniform(-self.brightness, self.brightness)
        levels = 255.0 * np.linspace(0.0, 1.0, 256) ** exponent
        levels = factor * (levels - 127.5) + 127.5 + shift
        table = np.clip(levels, 0, 255).round().astype(np.uint8)
        img = cv2.LUT(results['img'], table)

        sigma = np.random.uniform(0.0, self.noise)
        grain = sigma * np.random.standard_normal(img.shape[:2])
        if img.ndim == 3:
            grain = grain[..., None]
        img = np.clip(img + grain, 0, 255).round().astype(np.uint8)
        if np.random.uniform() < self.erase_prob:
            self._erase(img)
        results['img'] = img
        return results

    def _erase(self, img: np.ndarray) -> None:
        """Cover rectangles with one grey each, in place."""
        size = np.array(img.shape[:2])
        for _ in range(np.random.randint(self.erase_count) + 1):
            sides = np.random.uniform(*self.erase_size, size=2) * size
            y0, x0 = (np.random.uniform(size=2) * (size - sides)).astype(int)
            height, width = np.ceil(sides).astype(int)
            level = np.random.randint(256)
            img[y0 : y0 + height, x0 : x0 + width] = level
