# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np

from ..functional import mean_error, pair_auc, pair_pck
from .episode_pairs import PairErrors

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
