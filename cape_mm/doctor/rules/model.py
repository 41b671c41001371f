# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the model can be built, and fits the targets and the landmarks."""

from __future__ import annotations

from typing import Iterator

from mmengine.registry import MODELS
from mmpose.models.heads import HeatmapHead

from ..recipe import Recipe, find_class, type_name
from ..recipe_data import RecipeData
from ..rule import ERROR, rule
from ..wording import brief

#: Taken away from MMPose's heads in 1.0.0.
_REMOVED = ('input_transform', 'input_index', 'align_corners')


@rule(
    'model-builds',
    ERROR,
    'Correct the named argument or type; the class lists what it takes.',
)
def model_builds(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The model must be made of its config."""
    if data.model_problem is not None:
        yield f'the model cannot be built: {brief(data.model_problem)}'


@rule(
    'head-arguments',
    ERROR,
    'Merge the branches with neck=dict(type="FeatureMapProcessor", '
    'concat=True) and remove the argument, which heads no longer take since '
    'MMPose 1.0.',
)
def head_arguments(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Heads do not merge feature maps any more."""
    found = [key for key in _REMOVED if key in recipe.head]
    if found and _is_heatmap_head(recipe):
        yield (
            f'model.head ({type_name(recipe.head)}) is given '
            f'{", ".join(found)}'
        )


@rule(
    'heatmap-size',
    ERROR,
    'Set deconv_out_channels=None in model.head (the default is three '
    'upsampling layers), or give the codec the size that the head puts out.',
)
def heatmap_size(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Output and target must have the same size."""
    codec = recipe.decoder
    if not codec or not codec.get('heatmap_size') or data.model is None:
        return
    if not _is_heatmap_head(recipe):
        return
    input_size = tuple(codec['input_size'])
    try:
        actual = data.model.heatmap_size(input_size)
    except Exception as error:
        yield f'an input of {input_size} does not pass: {brief(error)}'
        return
    wanted = tuple(codec['heatmap_size'])
    if actual is not None and actual != wanted:
        yield (
            f'the head puts out {actual[0]} x {actual[1]} cells for an input '
            f'of {input_size[0]} x {input_size[1]}, the codec works with '
            f'{wanted[0]} x {wanted[1]}'
        )


@rule(
    'head-channels',
    ERROR,
    "Set the head's number of channels to the number of landmarks.",
)
def head_channels(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """One channel for each landmark."""
    channels = recipe.head.get('out_channels')
    cephalograms = data.cephalograms('train')
    if channels is None or cephalograms is None or not cephalograms.is_uniform:
        return
    count = len(cephalograms.keypoints_px[0])
    if _is_heatmap_head(recipe) and channels != count:
        yield (
            f'model.head.out_channels is {channels}, the training data have '
            f'{count} landmarks'
        )


@rule(
    'normalised-twice',
    ERROR,
    'Normalise in model.data_preprocessor only, and remove the transform.',
)
def normalised_twice(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Mean and deviation are taken off once."""
    if not (recipe.model.get('data_preprocessor') or {}).get('mean'):
        return
    for split in ('train', 'val', 'test'):
        for transform in recipe.pipeline(split):
            inner = transform.get('transforms') or []
            names = [type_name(t) for t in [transform, *inner]]
            found = [name for name in names if 'normalize' in name.lower()]
            if found:
                yield (
                    f'the pipeline of {split} has {found[0]}, and '
                    'model.data_preprocessor has a mean'
                )


def _is_heatmap_head(recipe: Recipe) -> bool:
    kind = find_class(MODELS, recipe.head) if recipe.head else None
    return isinstance(kind, type) and issubclass(kind, HeatmapHead)
