# Copyright (c) cape_mm contributors. All rights reserved.
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from cape_mm.evaluation.functional import (
    auc,
    keypoint_distances,
    masked_mean,
    pck,
)
from cape_mm.registry import METRICS

from .query_target import predicted_keypoints, query_target

HEADLINE_THRESHOLD = 0.2


@METRICS.register_module()
class EpisodePCK(BaseMetric):
    """Percentage of correct keypoints by the MP-100 protocol.

    Distances are taken in original image pixels and divided by the longer
    side of the query's box. A keypoint counts if it is annotated in the
    query and in every support; it is correct if its distance is strictly
    below the threshold. PCK is computed per query and averaged over queries
    (`POMNet <https://arxiv.org/abs/2207.10387>`_).

    Keys: ``PCK`` at 0.2, ``PCK@t`` at the other thresholds, ``mPCK`` (mean
    over all thresholds, only comparable between equal lists), ``NME``,
    ``AUC``, and ``EPE`` in original pixels.

    Args:
        thresholds (Sequence[float]): Thresholds besides 0.2. Defaults to
            (0.05, 0.1, 0.15, 0.25).
        empty_pair (str): What a query without a countable keypoint scores:
            ``'zero'`` as the published code does, also in NME and EPE, or
            ``'skip'``. Defaults to ``'zero'``.
        collect_device (str): See :class:`BaseMetric`.
        prefix (str, optional): See :class:`BaseMetric`. Leave it None for
            checkpoints called ``best_PCK_epoch_N.pth``.
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.15, 0.25),
        empty_pair: str = 'zero',
        collect_device: str = 'cpu',
        prefix: Optional[str] = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if empty_pair not in ('zero', 'skip'):
            raise ValueError(
                f"empty_pair must be 'zero' or 'skip', got {empty_pair!r}"
            )
        self.thresholds = sorted({*thresholds, HEADLINE_THRESHOLD})
        self.empty_pair = empty_pair

    def process(self, data_batch: dict, data_samples: Sequence[Dict]) -> None:
        """Keep distances of each query, one entry per episode.

        MMEngine cuts the results to the number of episodes, so the queries
        of an episode must not become entries of their own.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes as dictionaries, see
                :class:`EpisodeDataSample`.
        """
        for episode in data_samples:
            queries = []
            for query in episode['queries']:
                target = query_target(query, episode['supports'])
                queries.append(
                    dict(
                        id=query.metainfo.get('id'),
                        distances=keypoint_distances(
                            predicted_keypoints(query.pred_instances),
                            target.keypoints,
                            target.normalizer,
                        ),
                        valid=target.valid,
                        normalizer=target.normalizer,
                    )
                )
            self.results.append(
                dict(
                    episode=episode.get('episode'),
                    category_id=episode.get('category_id'),
                    queries=queries,
                )
            )

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Average over queries.

        Args:
            results (List[dict]): One entry per episode.

        Returns:
            Dict[str, float]: See the description of the class.

        Raises:
            ValueError: If no query is left to judge.
        """
        queries = [query for entry in results for query in entry['queries']]
        num_empty = sum(not query['valid'].any() for query in queries)
        if self.empty_pair == 'skip':
            queries = [query for query in queries if query['valid'].any()]
        if num_empty:
            MMLogger.get_current_instance().warning(
                f'{num_empty} queries share no annotated keypoint with their '
                f"supports (empty_pair='{self.empty_pair}')"
            )
        if not queries:
            raise ValueError('there is no query to judge')
        rows = [self._measure(**query) for query in queries]
        return {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}

    def _measure(
        self,
        distances: np.ndarray,
        valid: np.ndarray,
        normalizer: float,
        **kwargs,
    ) -> Dict[str, float]:
        """All measures of one query."""
        at = {t: pck(distances, valid, t) for t in self.thresholds}
        measures = {'PCK': at[HEADLINE_THRESHOLD]}
        for threshold in self.thresholds:
            if threshold != HEADLINE_THRESHOLD:
                measures[f'PCK@{threshold:g}'] = at[threshold]
        measures.update(
            mPCK=float(np.mean(list(at.values()))),
            AUC=auc(distances, valid),
            NME=masked_mean(distances, valid),
            EPE=masked_mean(distances * normalizer, valid),
        )
        return measures
