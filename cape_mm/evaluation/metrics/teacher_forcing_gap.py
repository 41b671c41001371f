# Copyright (c) cape_mm contributors. All rights reserved.
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from cape_mm.evaluation.functional import keypoint_distances
from cape_mm.registry import METRICS

from .query_target import predicted_keypoints, query_target


@METRICS.register_module()
class TeacherForcingGap(BaseMetric):
    """How much worse a model is on its own than with annotated points.

    Compares ``pred_instances`` (autoregressive) with
    ``teacher_forced_instances``, a diagnostic that the estimator adds if
    ``test_cfg.teacher_forced`` is set. A large gap is exposure bias: the
    model learned to continue perfect input only.

    Keys: ``NME_ar`` and ``NME_tf``, mean distances of all countable
    keypoints in units of the longer box side, and ``ar_tf_gap``, the
    relative difference ``(NME_ar - NME_tf) / NME_tf``. Without diagnostic
    predictions there are none.

    Args:
        collect_device (str): See :class:`BaseMetric`.
        prefix (str, optional): See :class:`BaseMetric`.
    """

    def __init__(
        self, collect_device: str = 'cpu', prefix: Optional[str] = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: dict, data_samples: Sequence[Dict]) -> None:
        """Keep both distances of the countable keypoints of each episode.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes as dictionaries, see
                :class:`EpisodeDataSample`.
        """
        for episode in data_samples:
            pairs = [
                self._distances(query, episode['supports'])
                for query in episode['queries']
                if 'teacher_forced_instances' in query
            ]
            self.results.append(
                np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0))
            )

    def compute_metrics(self, results: List[np.ndarray]) -> Dict[str, float]:
        """Average over keypoints.

        Args:
            results (List[np.ndarray]): Per episode (2, number of keypoints).

        Returns:
            Dict[str, float]: See the description of the class.
        """
        distances = np.concatenate(results, axis=1)
        if distances.shape[1] == 0:
            MMLogger.get_current_instance().warning(
                'No teacher-forced predictions to compare with: set '
                'model.test_cfg.teacher_forced=True or remove '
                'TeacherForcingGap from the evaluator'
            )
            return {}
        own, forced = distances.mean(axis=1)
        gap = (own - forced) / max(forced, np.finfo(np.float64).tiny)
        return dict(
            NME_ar=float(own), NME_tf=float(forced), ar_tf_gap=float(gap)
        )

    @staticmethod
    def _distances(query, supports) -> np.ndarray:
        """(2, number of countable keypoints): autoregressive, forced."""
        target = query_target(query, supports)
        return np.stack(
            [
                keypoint_distances(
                    predicted_keypoints(instances),
                    target.keypoints,
                    target.normalizer,
                )[target.valid]
                for instances in (
                    query.pred_instances,
                    query.teacher_forced_instances,
                )
            ]
        )
