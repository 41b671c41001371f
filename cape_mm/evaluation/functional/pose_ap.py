# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def match_poses(
    distances: np.ndarray, gt_valid: np.ndarray, threshold: float
) -> np.ndarray:
    """Give each labelled person one predicted person, as poseval does.

    A pair is scored by the share of the labelled joints that the prediction
    hits. Each prediction is kept for its best person, then each person takes
    its best prediction; of equals the first is taken.

    Args:
        distances (np.ndarray): (N, M, K) distances in heads.
        gt_valid (np.ndarray): (N, K) bool, True for a joint with a label.
        threshold (float): A joint is hit up to this distance, inclusive.

    Returns:
        np.ndarray: (M,) int, the number of the labelled person, or -1.
    """
    num_persons, num_predictions = distances.shape[:2]
    matched = np.full(num_predictions, -1)
    if not num_persons or not num_predictions:
        return matched
    labelled = np.maximum(gt_valid.sum(axis=1), 1)
    shares = (distances <= threshold).sum(axis=2) / labelled[:, None]
    is_best = np.arange(num_persons)[:, None] == shares.argmax(axis=0)
    shares = np.where(is_best, shares, 0)
    persons = np.flatnonzero(shares.max(axis=1) > 0)
    matched[shares.argmax(axis=1)[persons]] = persons
    return matched


def average_precision(
    scores: np.ndarray,
    correct: np.ndarray,
    num_labelled: int,
    arrival_order: bool = False,
) -> float:
    """Area under the precision-recall curve, as in PASCAL VOC 2010.

    Args:
        scores (np.ndarray): (S,) scores of the predictions.
        correct (np.ndarray): (S,) bool.
        num_labelled (int): How many could be found.
        arrival_order (bool): What predictions of the same score do. False:
            they enter the curve together, so that their order has no
            influence. True: one by one, in the order that poseval happens to
            give them. Defaults to False.

    Returns:
        float: Between 0 and 1; NaN if nothing could be found.
    """
    if not num_labelled:
        return float('nan')
    if not len(scores):
        return 0.0
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    hits = np.cumsum(correct[order])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / num_labelled
    if not arrival_order:
        last_of_equals = np.append(scores[1:] != scores[:-1], True)
        precision, recall = precision[last_of_equals], recall[last_of_equals]
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best_from_here))
