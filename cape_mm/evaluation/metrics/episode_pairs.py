# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors and scores of the pairs of an episode."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..functional import (
    keypoint_distances,
    longer_side,
    mean_error,
    pair_auc,
    pair_pck,
)


class PairErrors(NamedTuple):
    """Errors of one pair, i.e. of one query given the supports.

    Attributes:
        distances_px (np.ndarray): (K,) float64, in original pixels.
        valid (np.ndarray): (K,) bool, labelled in the query and in all
            supports.
        normalizer_px (float): Longer side of the query's box.
    """

    distances_px: np.ndarray
    valid: np.ndarray
    normalizer_px: float


def co_visible(
    query: PoseDataSample, supports: list[PoseDataSample]
) -> np.ndarray:
    """Keypoints that count: labelled in the query and in every support.

    Args:
        query (PoseDataSample): With ``gt_instances.keypoints_visible``.
        supports (List[PoseDataSample]): The same.

    Returns:
        np.ndarray: (K,) bool.
    """
    masks = [
        np.asarray(member.gt_instances.keypoints_visible)[0] > 0
        for member in (query, *supports)
    ]
    return np.logical_and.reduce(masks)


def pair_errors(
    query: PoseDataSample,
    supports: list[PoseDataSample],
    field: str = 'pred_instances',
) -> PairErrors | None:
    """Measure the errors of one query.

    Args:
        query (PoseDataSample): With ``gt_instances`` in original pixels.
        supports (List[PoseDataSample]): The episode's supports.
        field (str): Where the predicted keypoints are, in original pixels.
            Defaults to ``'pred_instances'``.

    Returns:
        PairErrors | None: None if the query has no such field.
    """
    if field not in query:
        return None
    truth = query.gt_instances
    return PairErrors(
        distances_px=keypoint_distances(
            _to_array(getattr(query, field).keypoints)[0],
            _to_array(truth.keypoints)[0],
        ),
        valid=co_visible(query, supports),
        normalizer_px=longer_side(_to_array(truth.bboxes)[0]),
    )


def _to_array(value) -> np.ndarray:
    """Keypoints or boxes, be they an array or a tensor on any device."""
    return np.asarray(value.cpu() if hasattr(value, 'cpu') else value)


_HEADLINE = 0.2
_EXTRAS = ('mPCK', 'NME', 'EPE', 'AUC')


class PairScorer:
    """Turn the errors of pairs into scores and scores into means.

    Args:
        thresholds (Sequence[float]): See :class:`EpisodePCK`.
        extras (Sequence[str]): See :class:`EpisodePCK`.
        empty_pair (str): See :class:`EpisodePCK`.

    Attributes:
        keys (List[str]): Names of the scores.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        extras: Sequence[str],
        empty_pair: str,
    ) -> None:
        unknown = set(extras) - set(_EXTRAS)
        if unknown:
            raise ValueError(
                f'unknown extras {sorted(unknown)}; there are {_EXTRAS}'
            )
        if empty_pair not in ('zero', 'skip'):
            raise ValueError(
                f"empty_pair is 'zero' or 'skip', not {empty_pair!r}"
            )
        self.thresholds = sorted({float(value) for value in thresholds})
        self.extras = tuple(extras)
        self.empty_pair = empty_pair
        others = [value for value in self.thresholds if value != _HEADLINE]
        self.keys = ['PCK', *(f'PCK@{value:g}' for value in others), *extras]

    def score(self, errors: PairErrors) -> dict[str, float]:
        """All scores of one pair.

        Args:
            errors (PairErrors): Its errors.

        Returns:
            Dict[str, float]: By :attr:`keys`; NaN if no keypoint counts.
        """
        of_list = [pair_pck(*errors, value) for value in self.thresholds]
        scores = dict(PCK=pair_pck(*errors, _HEADLINE))
        for value, pck in zip(self.thresholds, of_list):
            if value != _HEADLINE:
                scores[f'PCK@{value:g}'] = pck
        extras = dict(
            mPCK=lambda: float(np.mean(of_list)),
            NME=lambda: mean_error(*errors),
            EPE=lambda: mean_error(errors.distances_px, errors.valid),
            AUC=lambda: pair_auc(*errors),
        )
        scores.update({name: extras[name]() for name in self.extras})
        return scores

    def is_counted(self, pair: dict) -> bool:
        """Whether a pair enters the means.

        Args:
            pair (dict): With ``num_valid``.

        Returns:
            bool: False for an empty pair that is to be skipped.
        """
        return self.empty_pair == 'zero' or pair['num_valid'] > 0

    def values(self, pair: dict) -> list[float]:
        """What a pair adds to each sum.

        Args:
            pair (dict): With ``num_valid`` and the scores.

        Returns:
            List[float]: In the order of :attr:`keys`; 0 for an empty pair.
        """
        is_empty = pair['num_valid'] == 0
        return [0.0 if is_empty else pair[key] for key in self.keys]

    def average(self, pairs: Sequence[dict]) -> dict[str, float]:
        """Mean of each score over pairs.

        Args:
            pairs (Sequence[dict]): With ``num_valid`` and the scores.

        Returns:
            Dict[str, float]: NaN if no pair is counted.
        """
        counted = [
            self.values(pair) for pair in pairs if self.is_counted(pair)
        ]
        if not counted:
            return dict.fromkeys(self.keys, float('nan'))
        return {
            key: float(sum(column) / len(column))
            for key, column in zip(self.keys, zip(*counted))
        }
