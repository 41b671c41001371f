# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np

from cape_mm.registry import TRANSFORMS

from ..pipeline import SampleTransform

# of blue, green and red in the lightness, ITU-R BT.601
_LIGHTNESS = np.array([0.114, 0.587, 0.299])


@TRANSFORMS.register_module()
class RandomClipPhotometric(SampleTransform):
    """Change the colours of a clip at random, in all frames alike.

    Brightness, contrast, saturation, hue and the order of channels, each with
    the same probability, as MMDetection's ``PhotoMetricDistortion`` and with
    its ranges. All is one matrix of colours: saturation mixes with the
    lightness, and hue turns about the grey axis, instead of a detour over HSV.

    Required Keys:

        - frames (list of dict with img (H, W, 3) uint8, BGR)
        - rng

    Modified Keys:

        - frames (img)

    Args:
        brightness (float): Largest shift, in grey levels of 0..255. Defaults
            to 32.
        contrast (tuple[float, float]): Range of the factor. Defaults to
            (0.5, 1.5).
        saturation (tuple[float, float]): Range of the factor. Defaults to
            (0.5, 1.5).
        hue (float): Largest turn in degrees. Defaults to 18.
        swap_channels (bool): Whether channels may be permuted. Defaults to
            True.
        prob (float): Probability of each. Defaults to 0.5.
    """

    def __init__(
        self,
        brightness: float = 32.0,
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: float = 18.0,
        swap_channels: bool = True,
        prob: float = 0.5,
    ) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.swap_channels = swap_channels
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Change the colours of all frames."""
        matrix = self._draw_matrix(self.generator(results))
        if not np.allclose(matrix, np.eye(3, 4)):
            for frame in results['frames']:
                frame['img'] = cv2.transform(frame['img'], matrix)
        return results

    def _draw_matrix(self, rng: np.random.Generator) -> np.ndarray:
        """Matrix (3, 4): new blue, green, red of old ones and 1."""
        # Everything is always sampled: the number of draws is fixed.
        does = rng.random(5) < self.prob
        brightness = rng.uniform(-self.brightness, self.brightness)
        contrast = rng.uniform(*self.contrast)
        saturation = rng.uniform(*self.saturation)
        angle = np.deg2rad(rng.uniform(-self.hue, self.hue))
        order = rng.permutation(3)

        colors = np.eye(3)
        if does[2]:
            grey = np.tile(_LIGHTNESS, (3, 1))
            colors = saturation * colors + (1 - saturation) * grey
        if does[3]:
            axis = np.full(3, 1 / np.sqrt(3))
            colors = cv2.Rodrigues(angle * axis)[0] @ colors
        shift = np.full(3, brightness if does[0] else 0.0)
        if does[1]:
            colors, shift = contrast * colors, contrast * shift
        matrix = np.column_stack([colors, shift])
        return matrix[order] if does[4] and self.swap_channels else matrix
