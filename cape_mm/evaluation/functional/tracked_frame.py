# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np


@dataclass(frozen=True)
class TrackedFrame:
    """Labelled and predicted persons of one frame, compared joint by joint.

    Every joint class is a tracking problem of its own: its objects are the
    joints of N labelled persons, its hypotheses those of M predicted ones.

    Attributes:
        distances (np.ndarray): (N, M, K) float64; infinite where either joint
            does not count.
        gt_valid (np.ndarray): (N, K) bool, True for a joint with a label.
        pred_valid (np.ndarray): (M, K) bool, True for a predicted joint.
        ignored (np.ndarray): (M, K) bool, True for a predicted joint that
            does not count where it matches nothing.
        gt_ids (np.ndarray): (N,) int, unique in the frame.
        pred_ids (np.ndarray): (M,) int, unique in the frame.
    """

    distances: np.ndarray
    gt_valid: np.ndarray
    pred_valid: np.ndarray
    ignored: np.ndarray
    gt_ids: np.ndarray
    pred_ids: np.ndarray

    def restrict(self, kept: np.ndarray) -> TrackedFrame:
        """Take predicted joints away.

        Args:
            kept (np.ndarray): (M, K) bool, True for those that stay.

        Returns:
            TrackedFrame: The frame with the other joints.
        """
        return replace(
            self,
            distances=np.where(kept[None], self.distances, np.inf),
            pred_valid=self.pred_valid & kept,
            ignored=self.ignored & kept,
        )


def number_ids(ids: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Number the identities of one video.

    Args:
        ids (Sequence[np.ndarray]): (N,) ids of each frame.

    Returns:
        tuple: The ids as 0, 1, ..., frame by frame, and how many there are.
    """
    values, numbers = np.unique(
        np.concatenate([np.zeros(0, dtype=np.int64), *ids]),
        return_inverse=True,
    )
    ends = np.cumsum([len(frame) for frame in ids])
    return np.split(numbers, ends[:-1]), len(values)
