# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts; NaN where nothing was counted.

    Args:
        part (np.ndarray): (...) counts or sums.
        whole (np.ndarray): (...) counts.

    Returns:
        np.ndarray: (...) float64.
    """
    whole = np.asarray(whole)
    result = np.full(whole.shape, np.nan)
    return np.divide(part, whole, out=result, where=whole > 0)
