# Copyright (c) cape_mm contributors. All rights reserved.
"""95 % radii of landmarks: spread of heatmaps, and split conformal prediction.

A network that was trained on Gaussian targets answers with a wider and lower
map where it is uncertain. The width alone is no radius: how it relates to
errors is measured on cephalograms that the network has not been trained on.
With the score ``error / spread`` of each landmark there, the radius of a new
landmark is a quantile of the scores times its own spread (Papadopoulos et
al., ECML 2002, for regression in general).
"""

from __future__ import annotations

import math

import numpy as np

#: Part of a map that counts as its peak: what is above this share of the
#: maximum.
_PEAK_SHARE = 0.25
#: Images by which the factor of a single landmark is drawn to that of all.
_PRIOR_IMAGES = 30.0


def heatmap_spreads(heatmaps: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Root mean square distance of maps from their maxima.

    Args:
        heatmaps (np.ndarray): Maps (..., h, w).
        cell (np.ndarray): Width and height (2,) of a cell, in the unit of the
            result.

    Returns:
        np.ndarray: Spreads (...), float64, over all cells of at least a
        quarter of the maximum, each weighted by its value; for a Gaussian
        about 1.04 sigma. A map without positive value counts as equal
        everywhere.
    """
    maps = np.asarray(heatmaps, dtype=np.float64)
    height, width = maps.shape[-2:]
    flat = maps.reshape(-1, height * width)
    top = flat.max(axis=1, keepdims=True)
    weights = np.where(flat >= _PEAK_SHARE * top, flat, 0.0)
    weights = np.where(top > 0, weights, 1.0)
    x, y = np.meshgrid(np.arange(width) * cell[0], np.arange(height) * cell[1])
    places = np.stack([x.ravel(), y.ravel()], axis=-1)  # (h * w, 2)
    offsets = places - places[flat.argmax(axis=1)][:, None]
    squares = (offsets**2).sum(axis=-1)
    variance = (weights * squares).sum(axis=1) / weights.sum(axis=1)
    # a cell has an extent of its own, so that no spread is 0
    variance += (np.square(cell) / 12).sum()
    return np.sqrt(variance).reshape(maps.shape[:-2])


def conformal_quantile(scores: np.ndarray, coverage: float) -> float:
    """Quantile of N >= 1 scores that a new one is below with that probability.

    It is the score of rank ``ceil((N + 1) * coverage)``; the largest one where
    there are too few scores for that rank.
    """
    ordered = np.sort(np.ravel(scores))
    rank = math.ceil((len(ordered) + 1) * coverage)
    return float(ordered[min(rank, len(ordered)) - 1])


def radius_factors(
    errors: np.ndarray,
    spreads: np.ndarray,
    valid: np.ndarray,
    coverage: float = 0.95,
) -> np.ndarray:
    """Factors by which the spread of each landmark is its radius.

    Few images tell little of a single landmark. So the mean score of each is
    drawn to that of all landmarks, as by :data:`_PRIOR_IMAGES` more images,
    and one quantile is taken over all landmarks, of scores divided by
    that mean. Each image's own scores are left out of the means that they are
    divided by, so that the quantile is that of unknown images.

    Args:
        errors (np.ndarray): Radial errors (N, K) of images that the model has
            not been trained on.
        spreads (np.ndarray): Spreads (N, K) of their heatmaps, in the same
            unit.
        valid (np.ndarray): Mask (N, K), bool, of labelled landmarks.
        coverage (float): Share of landmarks to be within their radius.
            Defaults to 0.95.

    Returns:
        np.ndarray: Factors (K,).

    Raises:
        ValueError: If there are less than two images.
    """
    if len(errors) < 2:
        raise ValueError(
            f'radii are calibrated on at least two images, not {len(errors)}'
        )
    scores = np.where(valid, errors, 0.0) / spreads
    total, count = scores.sum(axis=0), valid.sum(axis=0)
    # of all other images: (N, K)
    others = _drawn_means(total - scores, count - valid)
    quantile = conformal_quantile((scores / others)[valid], coverage)
    return quantile * _drawn_means(total[None], count[None])[0]


def _drawn_means(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Means (N, K) of landmarks, drawn to the mean of all in their row."""
    overall = total.sum(axis=1, keepdims=True) / np.maximum(
        count.sum(axis=1, keepdims=True), 1
    )
    return (total + _PRIOR_IMAGES * overall) / (count + _PRIOR_IMAGES)


def covered_share(
    errors: np.ndarray, radii: np.ndarray, valid: np.ndarray
) -> float:
    """Share of valid landmarks whose error is at most their radius, or NaN."""
    inside = (errors <= radii)[valid]
    return float(inside.mean()) if inside.size else float('nan')
