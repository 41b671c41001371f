# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from collections import defaultdict
from typing import Callable, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.errors import refuse_nonfinite
from cape_mm.registry import METRICS

from ..functional.keypoints import mean_error, pair_auc, pair_pck
from ..functional.statistics import bootstrap_interval
from .episode_pairs import PairErrors, pair_errors
from .result_tables import (
    check_dump_file,
    format_result,
    format_table,
    write_result_files,
)

_HEADLINE = 0.2
_EXTRAS = ('mPCK', 'NME', 'EPE', 'AUC')
_POLICY = dict(zero='count 0', skip='are left out')
_RESAMPLED = dict(
    episode='whole episodes within their category',
    category='whole categories',
)


@METRICS.register_module()
class EpisodePCK(BaseMetric):
    """PCK by the protocol of MP-100, in original pixels.

    A keypoint counts if it is labelled in the query and in every support, and
    is correct if its error is strictly less than ``threshold`` times the
    longer side of the query's box (the box as cleaned by the dataset). The
    PCK of a pair is the share of correct keypoints of one query; the result
    is the mean over pairs, not over keypoints.

    Keys: ``PCK`` (threshold 0.2), ``PCK@0.05`` etc. for other thresholds,
    those of ``extras``, and with ``bootstrap`` the interval's ends
    ``PCK_low`` and ``PCK_high``. Tables by category and, if there are several,
    by supercategory are logged, and the result.

    Args:
        thresholds (Sequence[float]): Thresholds; ``PCK`` is given also
            without 0.2. Defaults to the papers' (0.05, 0.1, 0.15, 0.2, 0.25).
        extras (Sequence[str]): Any of ``'mPCK'`` (mean over ``thresholds``;
            papers differ in the list), ``'NME'`` (mean error by the longer
            side), ``'EPE'`` (mean error in pixels), ``'AUC'`` (mean PCK over
            thresholds 0, 0.05, ... 0.95). Defaults to none.
        empty_pair (str): Score of a pair without valid keypoint: ``'zero'``
            is 0 in every mean, as in the papers (which flatters the errors),
            ``'skip'`` leaves it out. The number of such pairs is logged.
            Defaults to ``'zero'``.
        bootstrap (dict, optional): Confidence interval by resampling, with
            the options ``unit``, ``num_samples``, ``level`` and ``seed`` of
            :func:`bootstrap_interval`; ``dict()`` takes the defaults: whole
            episodes are resampled within their category, because the protocol
            fixes the categories and the pairs of an episode share supports.
            Defaults to None, no interval.
        dump_file (str, optional): ``.json`` file for all of it and the
            settings, with a row per pair, with the episode and the annotation
            ids, in a ``.csv`` file beside it. Overwritten by every
            evaluation.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.

    Attributes:
        keys (list[str]): Names of the scores.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25),
        extras: Sequence[str] = (),
        empty_pair: str = 'zero',
        bootstrap: dict | None = None,
        dump_file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        unknown = set(extras) - set(_EXTRAS)
        if unknown:
            raise ValueError(
                f'unknown extras {sorted(unknown)}; there are {_EXTRAS}'
            )
        if empty_pair not in _POLICY:
            raise ValueError(
                f"empty_pair is 'zero' or 'skip', not {empty_pair!r}"
            )
        if bootstrap is not None:
            bootstrap = dict(
                dict(unit='episode', num_samples=1000, level=0.95, seed=0),
                **bootstrap,
            )
            if bootstrap['unit'] not in _RESAMPLED:
                raise ValueError(
                    "bootstrap.unit is 'episode' or 'category', not "
                    f'{bootstrap["unit"]!r}'
                )
        check_dump_file(dump_file)
        self.thresholds = sorted({float(value) for value in thresholds})
        self.extras = tuple(extras)
        self.empty_pair = empty_pair
        self.bootstrap = bootstrap
        self.dump_file = dump_file
        others = [value for value in self.thresholds if value != _HEADLINE]
        self.keys = ['PCK', *(f'PCK@{value:g}' for value in others), *extras]

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score the pairs of a batch of episodes.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes with predictions, as
                dictionaries.
        """
        # One entry per episode: MMEngine cuts the list to the length of the
        # dataset.
        self.results += [self._score_episode(s) for s in data_samples]

    def compute_metrics(self, results: list[list[dict]]) -> dict[str, float]:
        """Compute all numbers, log the tables and write the files.

        Args:
            results (list[list[dict]]): Rows of the pairs by episode.

        Returns:
            dict[str, float]: See the description of the class.
        """
        pairs = [pair for episode in results for pair in episode]
        tables = dict(
            category=self._table(
                pairs, lambda p: f'{p["category_id"]} {p["category_name"]}'
            ),
            supercategory=self._table(pairs, lambda p: p['supercategory']),
        )
        total = self._row('all', pairs)
        metrics = {key: total[key] for key in self.keys}
        intervals = self._intervals(results)
        self._log(tables, total, metrics, intervals)
        if self.dump_file is not None:
            settings = dict(
                thresholds=self.thresholds,
                normalizer='longer side of the box',
                empty_pair=self.empty_pair,
                bootstrap=self.bootstrap,
                pair_list=(self.dataset_meta or {}).get('pair_list'),
            )
            summary = dict(
                metrics=metrics,
                intervals=intervals,
                settings=settings,
                episodes=len(results),
                pairs=total['pairs'],
                empty_pairs=total['empty'],
                **{f'by_{name}': rows for name, rows in tables.items()},
            )
            write_result_files(self.dump_file, summary, pairs)
        if intervals:
            low, high = intervals['PCK']
            metrics.update(PCK_low=low, PCK_high=high)
        return metrics

    def _score_episode(self, sample: dict) -> list[dict]:
        """Rows of one episode's pairs, of plain values."""
        seed, epoch, number = (int(value) for value in sample['episode'])
        supports = sample['supports']
        rows = []
        for query in sample['queries']:
            errors = pair_errors(query, supports)
            if errors is None:
                raise ValueError(
                    f'query {query.metainfo.get("img_path")} has no '
                    "pred_instances: the model's predict must fill them"
                )
            count = len(errors.valid)
            refuse_nonfinite(
                f'query {query.metainfo.get("img_path")}',
                sample.get('keypoint_names') or range(count),
                np.where(errors.valid, errors.distances_px, 0),
            )
            rows.append(
                dict(
                    seed=seed,
                    epoch=epoch,
                    episode=number,
                    category_id=int(sample['category_id']),
                    category_name=str(sample.get('category_name', '')),
                    supercategory=str(sample.get('supercategory', '')),
                    support_ids=[s.metainfo.get('id') for s in supports],
                    query_id=query.metainfo.get('id'),
                    normalizer_px=errors.normalizer_px,
                    num_valid=int(errors.valid.sum()),
                    **self._score(errors),
                )
            )
        return rows

    def _score(self, errors: PairErrors) -> dict[str, float]:
        """All scores of one pair; NaN if no keypoint counts."""
        by_threshold = {
            value: pair_pck(*errors, value) for value in self.thresholds
        }
        scores = {f'PCK@{value:g}': p for value, p in by_threshold.items()}
        scores['PCK'] = pair_pck(*errors, _HEADLINE)
        extras = dict(
            mPCK=lambda: float(np.mean(list(by_threshold.values()))),
            NME=lambda: mean_error(*errors),
            EPE=lambda: mean_error(errors.distances_px, errors.valid),
            AUC=lambda: pair_auc(*errors),
        )
        scores.update({name: extras[name]() for name in self.extras})
        return {key: scores[key] for key in self.keys}

    def _counted(self, pairs: Sequence[dict]) -> list[list[float]]:
        """Scores of the pairs that enter the means, 0 for an empty one."""
        return [
            [pair[key] if pair['num_valid'] else 0.0 for key in self.keys]
            for pair in pairs
            if pair['num_valid'] or self.empty_pair == 'zero'
        ]

    def _table(
        self, pairs: list[dict], name_of: Callable[[dict], str]
    ) -> list[dict]:
        """Means of groups of pairs."""
        groups = defaultdict(list)
        for pair in pairs:
            groups[name_of(pair)].append(pair)
        return [self._row(name, members) for name, members in groups.items()]

    def _row(self, name: str, pairs: list[dict]) -> dict:
        """Counts and mean scores of a group; NaN if no pair is counted."""
        empty = sum(pair['num_valid'] == 0 for pair in pairs)
        row = dict(name=name, pairs=len(pairs), empty=empty)
        row.update(dict.fromkeys(self.keys, float('nan')))
        for key, column in zip(self.keys, zip(*self._counted(pairs))):
            row[key] = float(sum(column) / len(column))
        return row

    def _intervals(self, episodes: list[list[dict]]) -> dict[str, list[float]]:
        """Lower and upper end for each score; nothing without bootstrap."""
        episodes = [pairs for pairs in episodes if pairs]
        if self.bootstrap is None or not episodes:
            return {}
        counted = [self._counted(pairs) for pairs in episodes]
        width = len(self.keys)
        ends = bootstrap_interval(
            np.array([np.reshape(v, (-1, width)).sum(0) for v in counted]),
            np.array([len(values) for values in counted]),
            np.array([pairs[0]['category_id'] for pairs in episodes]),
            **self.bootstrap,
        )
        return dict(zip(self.keys, ends.T.tolist()))

    def _log(
        self,
        tables: dict[str, list[dict]],
        total: dict,
        metrics: dict[str, float],
        intervals: dict[str, list[float]],
    ) -> None:
        """Log the tables, the result and the number of empty pairs."""
        for heading, rows in tables.items():
            if heading == 'category' or len(rows) > 1:
                table = []
                for row in [*rows, total]:
                    scores = {k: row[k] for k in row if k != 'name'}
                    table.append({heading: row['name'] or '(none)', **scores})
                text = f'PCK by {heading}, mean over pairs'
                print_log(f'{text}\n{format_table(table)}', logger='current')
        policy = _POLICY[self.empty_pair]
        lines = [
            f'Result: mean over {total["pairs"]} pairs, empty pairs {policy}'
        ]
        if 'mPCK' in self.extras:
            listed = ', '.join(f'{value:g}' for value in self.thresholds)
            lines.append(f'mPCK: mean over the thresholds {listed}')
        unit = (self.bootstrap or {}).get('unit', 'episode')
        result = metrics, intervals, self.bootstrap, _RESAMPLED[unit]
        print_log(format_result(lines, *result), logger='current')
        if total['empty']:
            print_log(
                f'{total["empty"]} of {total["pairs"]} pairs have no keypoint '
                'that is labelled in the query and in all supports; they '
                f'{policy}',
                logger='current',
                level=logging.WARNING,
            )
