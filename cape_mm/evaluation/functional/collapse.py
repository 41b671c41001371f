# Copyright (c) cape_mm contributors. All rights reserved.
"""Statistics of a whole validation that reveal a collapsed model.

A model can collapse in two ways: (A) it predicts the same for every image,
(B) it puts different landmarks on one place. All functions take N images
with K landmarks, (N, K, 2), and ``valid`` (N, K) bool, True where a landmark
is labelled. They are NaN where there is nothing to compare: a single image,
a single landmark, or landmarks that do not vary.
"""

from __future__ import annotations

import numpy as np

#: Statistic -> limits of a sound model, causes before what follows from them.
#: They come from simulated predictors: errors of 1.5 mm and 4 mm stay within
#: all of them; a constant shape, with or without noise, points that fall
#: together, points at the border and random points do not.
LIMITS: dict[str, dict[str, float]] = {
    'peak': dict(warn_below=0.1),
    'edge_share': dict(warn_above=0.05, critical_above=0.5),
    'spread_in_image': dict(
        warn_below=0.7, critical_below=0.3, warn_above=1.4
    ),
    'merged_pairs': dict(warn_above=0.05),
    'corr': dict(warn_below=0.5, critical_below=0.2),
    'spread_ratio': dict(warn_below=0.5, critical_below=0.2, warn_above=2.0),
    'mode_share': dict(warn_above=0.5),
    'skill': dict(warn_below=0.2),
}


def spread_ratio(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> float:
    """Median spread over images by the true one; 0 for (A) without noise."""
    return _median(landmark_spread_ratios(predicted, truth, valid))


def landmark_spread_ratios(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Spread ratio (K,) of each landmark, x and y as one; NaN if constant."""
    _, of_predicted, of_truth = _moments(predicted, truth, valid)
    return np.sqrt(of_predicted / of_truth)


def correlation(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> float:
    """Median correlation with the truth over images; 0 for (A), also noisy."""
    shared, of_predicted, of_truth = _moments(predicted, truth, valid)
    scale = np.sqrt(of_predicted * of_truth)
    varies = scale > 0
    values = np.where(varies, shared, 0.0) / np.where(varies, scale, 1.0)
    return _median(np.where(np.isnan(of_truth), np.nan, values))


def skill(
    predicted: np.ndarray,
    truth: np.ndarray,
    valid: np.ndarray,
    shape: np.ndarray,
) -> float:
    """1 - mean radial error / that of always predicting one shape (K, 2)."""
    counted = valid & np.isfinite(shape).all(axis=-1)
    if not counted.any():
        return float('nan')
    error = np.linalg.norm(predicted - truth, axis=-1)[counted].mean()
    of_shape = np.linalg.norm(shape - truth, axis=-1)[counted].mean()
    return float(1.0 - error / of_shape) if of_shape > 0 else float('nan')


def spread_in_image(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> float:
    """Mean distance of all pairs in an image by the true one; 0 for (B)."""
    of_predicted, of_truth = _pair_distances(predicted, truth, valid)
    total = of_truth.sum()
    return float(of_predicted.sum() / total) if total > 0 else float('nan')


def merged_pairs(
    predicted: np.ndarray,
    truth: np.ndarray,
    valid: np.ndarray,
    near: float,
    apart: float,
) -> float:
    """Share of pairs within ``near`` that truly are ``apart``; 1 for (B)."""
    of_predicted, of_truth = _pair_distances(predicted, truth, valid)
    if not len(of_truth):
        return float('nan')
    return float(((of_predicted < near) & (of_truth > apart)).mean())


def edge_share(
    predicted_px: np.ndarray,
    valid: np.ndarray,
    boxes_px: np.ndarray,
    margin: float = 0.01,
) -> float:
    """Share of predictions outside or in the margin (a share) of boxes."""
    # heatmaps without peak are decoded to such positions
    if not valid.any():
        return float('nan')
    corner = boxes_px[:, None, :2]
    size = boxes_px[:, None, 2:] - corner
    inner = np.abs((predicted_px - corner) / size - 0.5) < 0.5 - margin
    return float((~inner.all(axis=-1))[valid].mean())


def mode_share(
    predicted: np.ndarray, valid: np.ndarray, radius: float = 0.02
) -> float:
    """Median share of images with a landmark near its median; 1 for (A)."""
    counts = valid.sum(axis=0)
    usable = counts > 1
    if not usable.any():
        return float('nan')
    points = np.where(valid[..., None], predicted, np.nan)[:, usable]
    center = np.nanmedian(points, axis=0)
    # a comparison with NaN is False
    near = np.linalg.norm(points - center, axis=-1) <= radius
    return _median(near.sum(axis=0) / counts[usable])


def peak(scores: np.ndarray, valid: np.ndarray) -> float:
    """Median score (N, K) of the heatmaps' maxima, near 0 for a dead head."""
    return _median(scores[valid])


def _moments(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K,) sums over images of p g, p p and g g; constant: p p 0, g g NaN."""
    centered = [
        np.where(valid[..., None], points - mean_shape(points, valid), 0.0)
        for points in (np.asarray(predicted, np.float64), truth)
    ]
    shared, of_predicted, of_truth = (
        (centered[first] * centered[second]).sum(axis=(0, 2))
        for first, second in ((0, 1), (0, 0), (1, 1))
    )
    # What rounding leaves of points that are all the same, also in float32.
    size = np.where(valid[..., None], np.asarray(truth, np.float64) ** 2, 0.0)
    tiny = 1e-12 * size.sum(axis=(0, 2))
    return (
        shared,
        np.where(of_predicted > tiny, of_predicted, 0.0),
        np.where(of_truth > tiny, of_truth, np.nan),
    )


def _pair_distances(
    predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> list[np.ndarray]:
    """Both distances (P,) of all pairs that are labelled in one image."""
    first, second = np.triu_indices(valid.shape[1], k=1)
    both = valid[:, first] & valid[:, second]
    return [
        np.linalg.norm(points[:, first] - points[:, second], axis=-1)[both]
        for points in (predicted, truth)
    ]


def _median(values: np.ndarray) -> float:
    """Median without NaN; NaN if nothing is left."""
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float('nan')


def to_box(keypoints_px: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
    """Landmarks (N, K, 2) from the corners of boxes (N, 4), by longer side."""
    boxes = np.asarray(boxes_px, dtype=np.float64)
    sizes = boxes[:, 2:] - boxes[:, :2]
    if not (sizes > 0).all():
        raise ValueError(f'box {boxes[(sizes <= 0).any(1)][0]} has no area')
    origin, scale = boxes[:, None, :2], sizes.max(axis=1)
    return (np.asarray(keypoints_px) - origin) / scale[:, None, None]


def mean_shape(keypoints: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean position (K, 2) of landmarks over images; NaN if never valid."""
    counts = valid.sum(axis=0)[:, None]
    total = np.where(valid[..., None], keypoints, 0.0).sum(axis=0)
    return total / np.where(counts > 0, counts, np.nan)
