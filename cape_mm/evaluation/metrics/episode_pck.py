# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from collections import defaultdict
from typing import Callable, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.registry import METRICS

from ..functional import bootstrap_interval
from .episode_pairs import PairErrors, PairScorer, pair_errors
from .result_tables import format_table, write_result_files


@METRICS.register_module()
class EpisodePCK(BaseMetric):
    """PCK by the protocol of MP-100, in original pixels.

    A keypoint counts if it is labelled in the query and in every support, and
    is correct if its error is strictly less than ``threshold`` times the
    longer side of the query's box (the box as the dataset has cleaned it).
    The PCK of a pair is the share of correct keypoints of one query; the
    result is the mean over pairs, not over keypoints.

    Keys: ``PCK`` (threshold 0.2), ``PCK@0.05`` etc. for other thresholds,
    those of ``extras``, and with ``bootstrap`` the interval's ends
    ``PCK_low`` and ``PCK_high``. Tables by category and, if there are several,
    by supercategory are logged, and the result.

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
        bootstrap (dict, optional): Confidence interval by resampling, with
            the options ``unit``, ``num_samples``, ``level`` and ``seed`` of
            :func:`bootstrap_interval`; ``dict()`` takes the defaults: whole
            episodes are drawn within their category, because the protocol
            fixes the categories and the pairs of an episode share supports.
            Defaults to None, no interval.
        dump_file (str, optional): Write all of it to this ``.json`` file,
            with the settings, and a row per pair, with the episode and the
            annotation ids, to a ``.csv`` file beside it. Overwritten by every
            evaluation.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.
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
        self.scorer = PairScorer(thresholds, extras, empty_pair)
        if bootstrap is not None:
            bootstrap = dict(
                dict(unit='episode', num_samples=1000, level=0.95, seed=0),
                **bootstrap,
            )
            if bootstrap['unit'] not in ('episode', 'category'):
                raise ValueError(
                    "bootstrap.unit is 'episode' or 'category', not "
                    f'{bootstrap["unit"]!r}'
                )
        if dump_file is not None and not dump_file.endswith('.json'):
            raise ValueError(f'dump_file must end in .json, not {dump_file!r}')
        self.bootstrap = bootstrap
        self.dump_file = dump_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure the errors of a batch of episodes.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes with predictions, as
                dictionaries.
        """
        for sample in data_samples:
            # One entry per episode: MMEngine cuts the list to the number of
            # items of the dataset.
            self.results.append(
                dict(
                    episode=[int(number) for number in sample['episode']],
                    category_id=int(sample['category_id']),
                    category_name=str(sample.get('category_name', '')),
                    supercategory=str(sample.get('supercategory', '')),
                    support_ids=[
                        support.metainfo.get('id')
                        for support in sample['supports']
                    ],
                    pairs=[
                        _measure(query, sample['supports'])
                        for query in sample['queries']
                    ],
                )
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute all numbers, log the tables and write the files.

        Args:
            results (List[dict]): One entry per episode.

        Returns:
            Dict[str, float]: See the description of the class.
        """
        episodes = [self._score(episode) for episode in results]
        pairs = [pair for episode in episodes for pair in episode]
        tables = dict(
            category=self._table(
                pairs, lambda p: f'{p["category_id"]} {p["category_name"]}'
            ),
            supercategory=self._table(pairs, lambda p: p['supercategory']),
        )
        total = self._row('all', pairs)
        metrics = {key: total[key] for key in self.scorer.keys}
        intervals = self._intervals(episodes)
        self._log(tables, total, intervals)
        if self.dump_file is not None:
            summary = dict(
                metrics=metrics,
                intervals=intervals,
                settings=self._settings(),
                episodes=len(episodes),
                pairs=total['pairs'],
                empty_pairs=total['empty'],
                **{f'by_{name}': rows for name, rows in tables.items()},
            )
            write_result_files(self.dump_file, summary, pairs)
        if intervals:
            low, high = intervals['PCK']
            metrics.update(PCK_low=low, PCK_high=high)
        return metrics

    def _score(self, episode: dict) -> list[dict]:
        """All pairs of one episode, each with what tells it from others."""
        seed, epoch, number = episode['episode']
        rows = []
        for pair in episode['pairs']:
            errors = PairErrors(
                np.array(pair['distances_px'], dtype=np.float64),
                np.array(pair['valid'], dtype=bool),
                pair['normalizer_px'],
            )
            rows.append(
                dict(
                    seed=seed,
                    epoch=epoch,
                    episode=number,
                    category_id=episode['category_id'],
                    category_name=episode['category_name'],
                    supercategory=episode['supercategory'],
                    support_ids=episode['support_ids'],
                    query_id=pair['id'],
                    normalizer_px=pair['normalizer_px'],
                    num_valid=int(errors.valid.sum()),
                    **self.scorer.score(errors),
                )
            )
        return rows

    def _table(
        self, pairs: list[dict], name_of: Callable[[dict], str]
    ) -> list[dict]:
        """Means of groups of pairs."""
        groups = defaultdict(list)
        for pair in pairs:
            groups[name_of(pair)].append(pair)
        return [self._row(name, members) for name, members in groups.items()]

    def _row(self, name: str, pairs: list[dict]) -> dict:
        empty = sum(pair['num_valid'] == 0 for pair in pairs)
        counts = dict(name=name, pairs=len(pairs), empty=empty)
        return {**counts, **self.scorer.average(pairs)}

    def _intervals(self, episodes: list[list[dict]]) -> dict[str, list[float]]:
        """Lower and upper end for each score; nothing without bootstrap."""
        episodes = [pairs for pairs in episodes if pairs]
        if self.bootstrap is None or not episodes:
            return {}
        counted = [
            [self.scorer.values(p) for p in pairs if self.scorer.is_counted(p)]
            for pairs in episodes
        ]
        width = len(self.scorer.keys)
        ends = bootstrap_interval(
            np.array([np.reshape(v, (-1, width)).sum(0) for v in counted]),
            np.array([len(values) for values in counted]),
            np.array([pairs[0]['category_id'] for pairs in episodes]),
            **self.bootstrap,
        )
        return dict(zip(self.scorer.keys, ends.T.tolist()))

    def _settings(self) -> dict:
        """What else the numbers depend on."""
        return dict(
            thresholds=self.scorer.thresholds,
            normalizer='longer side of the box',
            empty_pair=self.scorer.empty_pair,
            bootstrap=self.bootstrap,
            pair_list=(self.dataset_meta or {}).get('pair_list'),
        )

    def _log(
        self,
        tables: dict[str, list[dict]],
        total: dict,
        intervals: dict[str, list[float]],
    ) -> None:
        """Log the tables, the result and how many pairs were empty."""
        for name, rows in tables.items():
            if name == 'category' or len(rows) > 1:
                text = report_groups(name, [*rows, total])
                print_log(text, logger='current')
        result = report_result(total, self.scorer, intervals, self.bootstrap)
        print_log(result, logger='current')
        if total['empty']:
            print_log(
                report_empty(total, self.scorer),
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


_POLICY = dict(zero='count 0', skip='are left out')
_DRAWN = dict(
    episode='whole episodes within their category',
    category='whole categories',
)


def report_groups(heading: str, rows: list[dict]) -> str:
    """Means by group as a table.

    Args:
        heading (str): What the groups are, such as 'category'.
        rows (List[dict]): With ``name``, ``pairs``, ``empty`` and the scores.

    Returns:
        str: Several lines.
    """
    table = []
    for row in rows:
        scores = {key: row[key] for key in row if key != 'name'}
        table.append({heading: row['name'] or '(none)', **scores})
    return f'PCK by {heading}, mean over pairs\n{format_table(table)}'


def report_result(
    total: dict,
    scorer: PairScorer,
    intervals: dict[str, list[float]],
    bootstrap: dict | None,
) -> str:
    """The result and how it was taken.

    Args:
        total (dict): With ``pairs`` and the scores.
        scorer (PairScorer): What made the scores.
        intervals (Dict[str, List[float]]): Both ends by score; may be empty.
        bootstrap (dict, optional): How they were made.

    Returns:
        str: Several lines.
    """
    lines = [
        f'Result: mean over {total["pairs"]} pairs, empty pairs '
        f'{_POLICY[scorer.empty_pair]}'
    ]
    if 'mPCK' in scorer.extras:
        listed = ', '.join(f'{value:g}' for value in scorer.thresholds)
        lines.append(f'mPCK: mean over the thresholds {listed}')
    if intervals:
        lines.append(
            f'low, high: {100 * bootstrap["level"]:g} % interval, '
            f'{bootstrap["num_samples"]} resamples of '
            f'{_DRAWN[bootstrap["unit"]]}'
        )
    rows = []
    for key in scorer.keys:
        ends = dict(zip(('low', 'high'), intervals.get(key, ())))
        rows.append(dict(metric=key, value=total[key], **ends))
    return '\n'.join([*lines, format_table(rows)])


def report_empty(total: dict, scorer: PairScorer) -> str:
    """How many pairs have nothing to measure, and what they count.

    Args:
        total (dict): With ``pairs`` and ``empty``.
        scorer (PairScorer): What made the scores.

    Returns:
        str: One sentence.
    """
    return (
        f'{total["empty"]} of {total["pairs"]} pairs have no keypoint that '
        'is labelled in the query and in all supports; they '
        f'{_POLICY[scorer.empty_pair]}'
    )
