# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether targets say what is to be learnt, and can be read back."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from ..decoding_check import landmarks_in_cells, mean_decoding_error
from ..recipe import Recipe, type_name
from ..recipe_data import RecipeData
from ..rule import ERROR, WARNING, rule

#: Settings that the decoder must share with the encoder.
_SHARED = ('input_size', 'heatmap_size', 'unbiased', 'sigma', 'heatmap_type')

#: Two Gaussian targets are alike above this (their correlation).
_ALIKE = 0.95
#: A target of +-3 sigma covers more than this share of the map's side.
_WIDE = 0.3
#: Half of the 2 mm that clinicians accept is lost by decoding alone.
_FLOOR_MM = 1.0


@rule(
    'encoder-decoder',
    ERROR,
    'Use one variable, codec = dict(...), for the encoder of GenerateTarget '
    'and for model.head.decoder.',
)
def encoder_decoder(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Coordinates are read as they were written."""
    encoder, decoder = recipe.encoder, recipe.decoder
    if not encoder or not decoder:
        return
    if type_name(encoder) != type_name(decoder):
        yield (
            f'targets are made by {type_name(encoder)} and read by '
            f'{type_name(decoder)}'
        )
    for key in _SHARED:
        ours, theirs = encoder.get(key), decoder.get(key)
        if (
            key in encoder
            and key in decoder
            and _plain(ours) != _plain(theirs)
        ):
            yield (
                f'{key} is {ours} in the encoder and {theirs} in '
                'model.head.decoder'
            )


@rule(
    'codec-input-size',
    ERROR,
    'Give TopdownAffine of all pipelines and the codec the same input_size.',
)
def codec_input_size(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The crop has the size that the codec was told."""
    codec = recipe.encoder or recipe.decoder or {}
    wanted = codec.get('input_size')
    if wanted is None:
        return
    for split in ('train', 'val', 'test'):
        affine = recipe.transform(split, 'TopdownAffine') or {}
        actual = affine.get('input_size')
        if actual is not None and tuple(actual) != tuple(wanted):
            yield (
                f'TopdownAffine of {split} makes {tuple(actual)}, the codec '
                f'expects {tuple(wanted)}'
            )


@rule(
    'udp-pairing',
    WARNING,
    'Set use_udp=True in TopdownAffine of all pipelines with UDPHeatmap, and '
    'only with it.',
)
def udp_pairing(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """UDP's codec and UDP's affine belong together."""
    codec = recipe.encoder or recipe.decoder or {}
    if not codec.get('heatmap_size'):
        return
    is_udp = type_name(codec) == 'UDPHeatmap'
    for split in ('train', 'val', 'test'):
        affine = recipe.transform(split, 'TopdownAffine')
        if affine and bool(affine.get('use_udp', False)) != is_udp:
            yield (
                f'the codec is {type_name(codec)}, and TopdownAffine of '
                f'{split} has use_udp={not is_udp}: points are off by up to '
                'half an input pixel per cell'
            )


@rule(
    'sigma-overlap',
    WARNING,
    'Use a smaller sigma or a larger heatmap, so that neighbouring landmarks '
    'have targets that can be told apart.',
)
def sigma_overlap(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Targets of neighbouring landmarks must differ."""
    codec, cephalograms = recipe.encoder, data.cephalograms('train')
    if not codec or not codec.get('sigma') or cephalograms is None:
        return
    if not cephalograms.is_uniform:
        return
    cells = landmarks_in_cells(recipe, data)
    if cells is None:
        return
    first, second = np.triu_indices(cells.shape[1], k=1)
    gaps = np.linalg.norm(cells[:, first] - cells[:, second], axis=-1)
    counts = np.isfinite(gaps).sum(axis=0)
    if not counts.any():
        return
    median = np.full(len(first), np.inf)
    median[counts > 0] = np.nanmedian(gaps[:, counts > 0], axis=0)
    nearest = int(median.argmin())
    sigma = float(np.max(codec['sigma']))
    alike = np.exp(-((median[nearest] / (2 * sigma)) ** 2))
    if alike > _ALIKE:
        pair = [cephalograms.label(i[nearest]) for i in (first, second)]
        yield (
            f'{pair[0]} and {pair[1]} are {median[nearest]:.1f} cells apart, '
            f'with sigma {sigma:g} their targets are {alike:.0%} alike'
        )


@rule(
    'sigma-spread',
    WARNING,
    'Use a smaller sigma or a larger heatmap: a target that covers much of '
    'the map says little about the place.',
)
def sigma_spread(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """A target is a spot, not a field."""
    codec = recipe.encoder or {}
    if not codec.get('sigma') or not codec.get('heatmap_size'):
        return
    sigma, side = float(np.max(codec['sigma'])), min(codec['heatmap_size'])
    if 6 * sigma > _WIDE * side:
        yield (
            f'sigma {sigma:g} spans +-{3 * sigma:g} cells, '
            f'{6 * sigma / side:.0%} of the {side} cells of the heatmap'
        )


@rule(
    'sigma-narrow',
    WARNING,
    'Use a sigma of at least one cell, 1.5 with unbiased=True: below that '
    'the place between the cells is lost.',
)
def sigma_narrow(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """A target is seen by more than one cell."""
    codec = recipe.encoder or {}
    if not codec.get('sigma') or not codec.get('heatmap_size'):
        return
    sigma = float(np.min(codec['sigma']))
    least = 1.5 if codec.get('unbiased') else 1.0
    if sigma < least:
        yield f'sigma is {sigma:g} cells'


@rule(
    'decoding-floor',
    WARNING,
    'Use a larger input, unbiased=True or UDPHeatmap, and a box without '
    'padding: no training gets below this error.',
)
def decoding_floor(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Perfect heatmaps must be read precisely enough."""
    error = mean_decoding_error(recipe, data)
    if error is None:
        return
    error_mm, cell_mm = error
    if error_mm > _FLOOR_MM:
        yield (
            f'perfect heatmaps are read with a mean error of {error_mm:.2f} '
            f'mm (a cell is {cell_mm:.1f} mm), of 2 mm that are acceptable'
        )


@rule(
    'weights-without-effect',
    WARNING,
    'Set use_dataset_keypoint_weights=True in GenerateTarget, or remove the '
    'weights.',
)
def weights_without_effect(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Weights of landmarks reach the loss."""
    generate = recipe.transform('train', 'GenerateTarget')
    if generate is None or generate.get('use_dataset_keypoint_weights'):
        return
    dataset = data.dataset('train')
    weights = getattr(dataset, 'metainfo', {}).get('dataset_keypoint_weights')
    if weights is not None and len(set(np.ravel(weights).tolist())) > 1:
        yield (
            f'the training data weight landmarks from {np.min(weights):g} to '
            f'{np.max(weights):g}, and GenerateTarget does not use it'
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else value
