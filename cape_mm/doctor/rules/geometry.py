# Copyright (c) cape_mm contributors. All rights reserved.
"""How images are cut out and resized."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from ..recipe import Recipe, type_name
from ..recipe_data import RecipeData
from ..rule import ERROR, WARNING, rule

#: Random transforms without 'Random' in their name.
_RANDOM = ('Albumentation', 'PhotometricDistortion')
#: Share of the input that may be empty because of its shape.
_WASTE = 0.15


@rule(
    'padding-differs',
    ERROR,
    'Give GetBBoxCenterScale the same padding in training, validation and '
    'test: otherwise everything has another size there.',
)
def padding_differs(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The box is enlarged alike in training and validation."""
    paddings = {
        split: float(transform.get('padding', 1.25))
        for split in ('train', 'val', 'test')
        for transform in [recipe.transform(split, 'GetBBoxCenterScale')]
        if transform is not None
    }
    if len(set(paddings.values())) > 1:
        listed = ', '.join(f'{s} {value:g}' for s, value in paddings.items())
        yield f'padding of GetBBoxCenterScale: {listed}'


@rule(
    'padding-whole-cephalogram',
    WARNING,
    'Set padding=1.0 in GetBBoxCenterScale of all pipelines; the default of '
    '1.25 is for boxes around people.',
)
def padding_whole_cephalogram(
    recipe: Recipe, data: RecipeData
) -> Iterator[str]:
    """A box that is the whole image needs no margin."""
    transform = recipe.transform('train', 'GetBBoxCenterScale')
    cephalograms = data.cephalograms('train')
    if transform is None or cephalograms is None:
        return
    padding = float(transform.get('padding', 1.25))
    sides = cephalograms.boxes_px[:, 2:] - cephalograms.boxes_px[:, :2]
    # MMPose clips boxes to width - 1 and height - 1
    whole = np.all(sides >= cephalograms.sizes_px - 1.5, axis=1)
    if padding > 1.05 and whole.mean() > 0.9:
        yield (
            f'boxes are whole images, and padding {padding:g} leaves '
            f'{1 - padding**-2:.0%} of the input empty'
        )


@rule(
    'input-aspect',
    WARNING,
    'Give the input the shape of the images: TopdownAffine keeps the aspect '
    'ratio and fills up the rest.',
)
def input_aspect(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The input has about the shape of the boxes."""
    affine, cephalograms = recipe.transform('train', 'TopdownAffine'), None
    if affine is not None:
        cephalograms = data.cephalograms('train')
    if cephalograms is None or cephalograms.schema is None:
        return
    sides = cephalograms.boxes_px[:, 2:] - cephalograms.boxes_px[:, :2]
    aspect = float(np.nanmedian(sides[:, 0] / sides[:, 1]))
    width, height = affine['input_size']
    ratio = (width / height) / aspect
    waste = 1 - min(ratio, 1 / ratio)
    if waste > _WASTE:
        yield (
            f'the input is {width} x {height}, the boxes are typically '
            f'{aspect:.2f} times as wide as high: {waste:.0%} of the input '
            'stay empty'
        )


@rule(
    'aspect-distorted',
    ERROR,
    'Remove the Resize, or set keep_ratio=True: angles and lengths are wrong '
    'in a distorted image.',
)
def aspect_distorted(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Images are never squeezed."""
    for split in ('train', 'val', 'test'):
        for transform in recipe.pipeline(split):
            inner = transform.get('transforms') or []
            for part in [transform, *inner]:
                is_resize = type_name(part) == 'Resize'
                if is_resize and not part.get('keep_ratio', False):
                    yield f'the pipeline of {split} has a Resize without ratio'


@rule(
    'random-validation',
    ERROR,
    'Remove the transform from the pipeline: what is measured must not depend '
    'on chance.',
)
def random_validation(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Validation and test are not augmented."""
    for split in ('val', 'test'):
        for transform in recipe.pipeline(split):
            name = type_name(transform)
            if 'Random' in name or name in _RANDOM:
                yield f'the pipeline of {split} has {name}'


@rule(
    'flip-test-untrained',
    WARNING,
    'Set model.test_cfg.flip_test=False, or add RandomFlip to the training '
    'pipeline: the model has never seen a mirrored image.',
)
def flip_test_untrained(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """What is flipped in the test is flipped in training."""
    flips = (recipe.model.get('test_cfg') or {}).get('flip_test', False)
    pipeline = recipe.pipeline('train')
    names = [type_name(t) for t in pipeline]
    if flips and names and 'RandomFlip' not in names:
        yield 'the test averages over the mirrored image'
