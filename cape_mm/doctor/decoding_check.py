# Copyright (c) cape_mm contributors. All rights reserved.
"""Landmarks in cells of the heatmap, and the way there and back."""

from __future__ import annotations

import numpy as np
from mmengine.registry import TRANSFORMS
from mmpose.registry import KEYPOINT_CODECS

from cape_mm.datasets.pipeline import spread_indices

from .cephalogram_table import CephalogramTable
from .recipe import Recipe
from .recipe_data import RecipeData

_NUM_CEPHALOGRAMS = 64
_NUM_DECODED = 8


def landmarks_in_cells(recipe: Recipe, data: RecipeData) -> np.ndarray | None:
    """Map landmarks of the training data to the heatmap, unaugmented.

    Args:
        recipe (Recipe): The config.
        data (RecipeData): What is built from it.

    Returns:
        np.ndarray | None: (N, K, 2) float64 in cells, NaN where not labelled;
        None if the recipe has no heatmap or no uniform cephalograms.
    """
    codec, cephalograms = recipe.encoder, data.cephalograms('train')
    if not codec or not codec.get('heatmap_size') or cephalograms is None:
        return None
    if not cephalograms.is_uniform:
        return None
    cell = np.divide(codec['input_size'], codec['heatmap_size'])
    cropped = _crop(
        recipe,
        cephalograms,
        spread_indices(len(cephalograms), _NUM_CEPHALOGRAMS),
    )
    if cropped is None:
        return None
    return np.stack(
        [
            np.where(
                (item['keypoints_visible'][0] > 0)[:, None],
                item['transformed_keypoints'][0] / cell,
                np.nan,
            )
            for item in cropped
        ]
    )


def mean_decoding_error(
    recipe: Recipe, data: RecipeData
) -> tuple[float, float] | None:
    """Encode landmarks of the training data and decode them again.

    Args:
        recipe (Recipe): The config.
        data (RecipeData): What is built from it.

    Returns:
        Tuple[float, float] | None: Mean error and mean side of a cell in mm;
        None without heatmaps, or if no cephalogram has a spacing.
    """
    cephalograms = data.cephalograms('train')
    if not recipe.encoder or not recipe.decoder or cephalograms is None:
        return None
    if not recipe.encoder.get('heatmap_size') or not cephalograms.is_uniform:
        return None
    known = np.flatnonzero(np.isfinite(cephalograms.spacings).all(axis=1))
    indices = known[spread_indices(len(known), _NUM_DECODED)].tolist()
    cropped = _crop(recipe, cephalograms, indices) if indices else None
    if cropped is None:
        return None
    encoder = KEYPOINT_CODECS.build(dict(recipe.encoder))
    decoder = KEYPOINT_CODECS.build(dict(recipe.decoder))
    errors, cells = [], []
    for index, item in zip(indices, cropped):
        points, visible = (
            item['transformed_keypoints'],
            item['keypoints_visible'],
        )
        encoded = encoder.encode(points, visible)
        if 'heatmaps' not in encoded:
            return None
        decoded, _ = decoder.decode(encoded['heatmaps'])
        # as TopdownPoseEstimator does it; of the input, UDP's codec and affine
        # have different ideas
        scale = item['input_scale'] / item['input_size']
        corner = item['input_center'] - item['input_scale'] / 2
        counts = encoded['keypoint_weights'][0] > 0
        offsets = (
            decoded[0] * scale + corner - cephalograms.keypoints_px[index]
        )
        offsets = offsets[counts] * cephalograms.spacings[index]
        # mm per pixel of the input
        scale = scale * cephalograms.spacings[index]
        errors.append(np.linalg.norm(offsets, axis=-1))
        cell = np.divide(
            recipe.encoder['input_size'], recipe.encoder['heatmap_size']
        )
        cells.append(np.mean(cell * scale))
    return float(np.mean(np.concatenate(errors))), float(np.mean(cells))


def _crop(
    recipe: Recipe, cephalograms: CephalogramTable, indices: list[int]
) -> list[dict] | None:
    """Take cephalograms through box and affine of the validation."""
    steps = []
    for kind in ('GetBBoxCenterScale', 'TopdownAffine'):
        config = recipe.transform('val', kind)
        if config is None:
            return None
        steps.append(TRANSFORMS.build(dict(config)))
    cropped = []
    for index in indices:
        if not np.isfinite(cephalograms.boxes_px[index]).all():
            return None
        item = dict(
            img=np.zeros((2, 2, 3), np.uint8),  # only the points matter
            bbox=cephalograms.boxes_px[index][None].astype(np.float32),
            keypoints=cephalograms.keypoints_px[index][None].astype(
                np.float32
            ),
            keypoints_visible=cephalograms.visible[index][None].astype(
                np.float32
            ),
        )
        for step in steps:
            item = step(item)
        cropped.append(item)
    return cropped
