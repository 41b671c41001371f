# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from cape_mm.registry import TRANSFORMS

from ..pipeline import get_generator


@TRANSFORMS.register_module()
class RandomCategoryView(BaseTransform):
    """Turn the category of an episode into another one.

    Mirrors, transposes and permutes the colour channels, in the same way for
    every member of an episode: support and query stay consistent, while the
    model sees shapes and colours that no training category has. The choice
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
        super().__init__()
        self.flip_prob = flip_prob
        self.transpose_prob = transpose_prob
        self.permute_channels = permute_channels

    def transform(self, results: dict) -> dict:
        """Change the input of one member.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.

        Raises:
            ValueError: If an input that is not square should be transposed.
        """
        rng = get_generator(results, type(self).__name__, 'episode_rng')
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
