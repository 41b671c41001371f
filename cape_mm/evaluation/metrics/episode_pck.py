# Copyright (c) cape_mm contributors. All rights reserved.
import logging
from typing import Dict, List, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.registry import METRICS

from ..functional import mean_error, pair_auc, pair_pck
from .episode_pairs import pair_errors
from .score_table import format_table

_HEADLINE = 0.2
_EXTRAS = ('mPCK', 'NME', 'EPE', 'AUC')


@METRICS.register_module()
class EpisodePCK(BaseMetric):
    """PCK by the protocol of MP-100, in original pixels.

    A keypoint counts if it is labelled in the query and in every support, and
    is correct if its error is strictly less than ``threshold`` times the
    longer side of the query's box (the box as the data set has cleaned it).
    The PCK of a pair is the share of correct keypoints of one query; the
    result is the mean over pairs, not over keypoints.

    Keys: ``PCK`` (threshold 0.2), ``PCK@0.05`` etc. for other thresholds, and
    those of ``extras``. A table by category is logged.

    Args:
        thresholds (Sequence[float]): Thresholds; ``PCK`` is there also
            without 0.2. Defaults to the papers' (0.05, 0.1, 0.15, 0.2, 0.25).
        extras (Sequence[str]): Any of ``'mPCK'`` (mean over ``thresholds``;
            papers differ in the list), ``'NME'`` (mean error by the longer
            side), ``'EPE'`` (mean error in pixels), ``'AUC'`` (mean PCK over
            thresholds 0, 0.05, ... 0.95). Defaults to none.
        empty_pair (str): What a pair counts in which no keypoint is valid:
            ``'zero'`` is 0 in every mean, as in the papers (which flatters
            the errors), ``'skip'`` leaves it out. The number of such pairs is
            logged. Defaults to ``'zero'``.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25),
        extras: Sequence[str] = (),
        empty_pair: str = 'zero',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
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

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure the errors of a batch of episodes.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes with predictions, as
                dictionaries.
        """
        for sample in data_samples:
            # One entry per episode: MMEngine cuts the list to the number of
            # items of the data set.
            self.results.append(
                dict(
                    episode=[int(number) for number in sample['episode']],
                    category_id=int(sample['category_id']),
                    category_name=str(sample.get('category_name', '')),
                    pairs=[
                        _measure(query, sample['supports'])
                        for query in sample['queries']
                    ],
                )
            )

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Compute all numbers and log the table.

        Args:
            results (List[dict]): One entry per episode.

        Returns:
            Dict[str, float]: See the description of the class.
        """
        scores: Dict[int, List[Dict[str, float]]] = {}
        names: Dict[int, str] = {}
        for episode in results:
            names[episode['category_id']] = episode['category_name']
            scores.setdefault(episode['category_id'], []).extend(
                self._score(pair) for pair in episode['pairs']
            )
        everything = [pair for pairs in scores.values() for pair in pairs]
        metrics = self._average(everything)
        rows = [
            (f'{key} {names[key]}', pairs) for key, pairs in scores.items()
        ]
        self._log_table([*rows, ('all', everything)])
        return metrics

    def _score(self, pair: dict) -> Dict[str, float]:
        """All numbers of one pair; NaN for an empty one."""
        distances = np.array(pair['distances_px'], dtype=np.float64)
        valid = np.array(pair['valid'], dtype=bool)
        normalizer = pair['normalizer_px']
        errors = (distances, valid, normalizer)
        scores = dict(PCK=pair_pck(*errors, _HEADLINE))
        of_list = []
        for threshold in self.thresholds:
            of_list.append(pair_pck(*errors, threshold))
            if threshold != _HEADLINE:
                scores[f'PCK@{threshold:g}'] = of_list[-1]
        extras = dict(
            mPCK=lambda: float(np.mean(of_list)),
            NME=lambda: mean_error(*errors),
            EPE=lambda: mean_error(distances, valid),
            AUC=lambda: pair_auc(*errors),
        )
        scores.update({name: extras[name]() for name in self.extras})
        return {**scores, 'is_empty': not valid.any()}

    def _average(self, pairs: List[Dict[str, float]]) -> Dict[str, float]:
        """Means over pairs."""
        keys = [key for key in pairs[0] if key != 'is_empty']
        counted = [pair for pair in pairs if not pair['is_empty']]
        size = len(pairs) if self.empty_pair == 'zero' else len(counted)
        if not size:
            return dict.fromkeys(keys, float('nan'))
        return {
            key: float(sum(pair[key] for pair in counted) / size)
            for key in keys
        }

    def _log_table(self, rows: List[tuple]) -> None:
        """Log the means by category, and how many pairs were empty."""
        lines = []
        for name, pairs in rows:
            empty = sum(pair['is_empty'] for pair in pairs)
            cells = dict(category=name, pairs=len(pairs), empty=empty)
            lines.append({**cells, **self._average(pairs)})
        note = ''
        if 'mPCK' in self.extras:
            listed = ', '.join(f'{value:g}' for value in self.thresholds)
            note = f'; mPCK over {listed}'
        print_log(
            f'PCK by category, mean over pairs{note}\n{format_table(lines)}',
            logger='current',
        )
        empty = lines[-1]['empty']
        if empty:
            treated = dict(zero='count 0', skip='are left out')
            print_log(
                f'{empty} of {lines[-1]["pairs"]} pairs have no keypoint that '
                'is labelled in the query and in all supports; they '
                f'{treated[self.empty_pair]}',
                logger='current',
                level=logging.WARNING,
            )


def _measure(query, supports: list) -> dict:
    """Errors of one pair as plain values, which any process can send."""
    errors = pair_errors(query, supports)
    if errors is None:
        raise ValueError(
            f'query {query.metainfo.get("img_path")} has no pred_instances: '
            "the model's predict must fill them"
        )
    return dict(
        id=query.metainfo.get('id'),
        distances_px=errors.distances_px.tolist(),
        valid=errors.valid.tolist(),
        normalizer_px=errors.normalizer_px,
    )
