# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def one_to_one(scores: np.ndarray) -> np.ndarray:
    """Pair rows with columns, for each of K problems on its own.

    Args:
        scores (np.ndarray): (N, M, K); what is not positive is no pair.

    Returns:
        np.ndarray: (N, M, K) bool, the pairs with the largest sum of scores;
        no row and no column is in two of them.
    """
    possible = scores > 0
    # Nearly all problems need no solver: nobody has a second candidate.
    contested = (possible.sum(axis=0) > 1).any(axis=0)
    contested |= (possible.sum(axis=1) > 1).any(axis=0)
    chosen = possible & ~contested
    for k in np.flatnonzero(contested):
        matrix = np.where(possible[..., k], scores[..., k], 0)
        rows, columns = linear_sum_assignment(matrix, maximize=True)
        chosen[rows, columns, k] = possible[rows, columns, k]
    return chosen
