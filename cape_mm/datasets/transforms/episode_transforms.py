# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.registry import TRANSFORMS

from ..pipeline import SampleTransform


@TRANSFORMS.register_module()
class RandomScaleRotation(SampleTransform):
    """Scale and rotate the box at random, as usual for MP-100.

    The same as ``TopDownGetRandomScaleRotation`` of MMPose 0.x, but drawn
    from the episode's generator: the scale is always multiplied by N(1,
    ``scale_factor``), cut at one sigma; the rotation is N(0,
    ``rotate_factor``) degrees, cut at two sigma, with probability
    ``rotate_prob``, else 0. There is no shift and no flip.

    Required Keys:

        - bbox_scale
        - rng

    Modified Keys:

        - bbox_scale

    Added Keys:

        - bbox_rotation

    Args:
        rotate_factor (float): Sigma of the rotation in degrees. Defaults to
            15.
        scale_factor (float): Sigma of the scale. Defaults to 0.15.
        rotate_prob (float): Probability of a rotation. Defaults to 0.6.
    """

    def __init__(
        self,
        rotate_factor: float = 15.0,
        scale_factor: float = 0.15,
        rotate_prob: float = 0.6,
    ) -> None:
        self.rotate_factor = rotate_factor
        self.scale_factor = scale_factor
        self.rotate_prob = rotate_prob

    def transform(self, results: dict) -> dict:
        """Change the box of one instance."""
        rng = self.generator(results)
        # All three are always sampled: the number of draws is fixed.
        scale, rotation = rng.standard_normal(2)
        rotates = rng.random() < self.rotate_prob
        scale = 1 + np.clip(scale, -1, 1) * self.scale_factor
        rotation = np.clip(rotation, -2, 2) * self.rotate_factor
        results['bbox_scale'] = np.float32(results['bbox_scale'] * scale)
        results['bbox_rotation'] = np.float32([rotation if rotates else 0.0])
        return results


@TRANSFORMS.register_module()
class RandomPhotometric(SampleTransform):
    """Change brightness, contrast and noise of the image at random.

    Required Keys:

        - img (uint8)
        - rng

    Modified Keys:

        - img

    Args:
        brightness (float): Largest shift, in grey levels of 0..255. Defaults
            to 32.
        contrast (tuple[float, float]): Range of the factor around the
            image's mean. Defaults to (0.7, 1.3).
        noise (float): Largest sigma of Gaussian noise, in grey levels.
            Defaults to 5.
    """

    def __init__(
        self,
        brightness: float = 32.0,
        contrast: tuple[float, float] = (0.7, 1.3),
        noise: float = 5.0,
    ) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.noise = noise

    def transform(self, results: dict) -> dict:
        """Change the image of one instance."""
        rng = self.generator(results)
        shift = rng.uniform(-self.brightness, self.brightness)
        factor = rng.uniform(*self.contrast)
        sigma = rng.uniform(0, self.noise)
        img = results['img'].astype(np.float32)
        mean = img.mean()
        img = (img - mean) * factor + mean + shift
        img += sigma * rng.standard_normal(img.shape, dtype=np.float32)
        results['img'] = np.clip(img, 0, 255).round().astype(np.uint8)
        return results


@TRANSFORMS.register_module()
class RandomCategoryView(SampleTransform):
    """Turn the category of an episode into another one.

    Mirrors, transposes and permutes the colour channels, in the same way for
    every member of an episode: support and query stay consistent, while the
    model meets shapes and colours that no training category has. The choice
    comes from ``results['episode_rng']``, which is equal for all members.

    Comes after ``TopdownAffine``. Do not use it on test data: it changes the
    input only, and predictions are not mapped back.

    Required Keys:

        - img
        - transformed_keypoints
        - episode_rng

    Modified Keys:

        - img
        - transformed_keypoints

    Args:
        flip_prob (float): Probability of mirroring left and right, and that
            of mirroring top and bottom. Defaults to 0.5.
        transpose_prob (float): Probability of swapping x and y, for square
            input only. Defaults to 0.5.
        permute_channels (bool): Whether colour channels are permuted.
            Defaults to True.
    """

    def __init__(
        self,
        flip_prob: float = 0.5,
        transpose_prob: float = 0.5,
        permute_channels: bool = True,
    ) -> None:
        self.flip_prob = flip_prob
        self.transpose_prob = transpose_prob
        self.permute_channels = permute_channels

    def transform(self, results: dict) -> dict:
        """Change the input of one member.

        Raises:
            ValueError: If an input that is not square should be transposed.
        """
        rng = self.generator(results, 'episode_rng')
        mirrors = rng.random(2) < self.flip_prob
        transposes = rng.random() < self.transpose_prob
        channels = rng.permutation(3)

        image = results['img']
        height, width = image.shape[:2]
        keypoints = results['transformed_keypoints'].copy()
        for axis, length in enumerate((width, height)):
            if mirrors[axis]:
                image = np.flip(image, axis=1 - axis)
                keypoints[..., axis] = length - 1 - keypoints[..., axis]
        if transposes:
            if height != width:
                raise ValueError(
                    f'RandomCategoryView cannot transpose {width} x {height} '
                    'pixels, only a square: set transpose_prob=0'
                )
            image = image.swapaxes(0, 1)
            keypoints = keypoints[..., ::-1]
        if self.permute_channels:
            image = image[..., channels]
        results['img'] = np.ascontiguousarray(image)
        results['transformed_keypoints'] = np.ascontiguousarray(keypoints)
        return results
