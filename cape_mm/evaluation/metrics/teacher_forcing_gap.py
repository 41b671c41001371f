# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.registry import METRICS

from ..functional.keypoints import mean_error
from .episode_pairs import pair_errors


@METRICS.register_module()
class TeacherForcingGap(BaseMetric):
    """Exposure bias: error on own predictions against error on the truth.

    Compares each query's ``pred_instances`` (every keypoint follows predicted
    keypoints) with its ``teacher_forced_instances`` (every keypoint follows
    true keypoints). Errors are divided by the longer side of the query's box
    and averaged over the keypoints that are labelled in the query and in every
    support, then over the queries that have such keypoints.

    Keys: ``NME_ar`` (autoregressive), ``NME_tf`` (teacher-forced) and
    ``ar_tf_gap`` = (NME_ar - NME_tf) / NME_tf; none of them if the model gives
    no teacher-forced predictions.

    Args:
        **kwargs: Arguments of MMEngine's ``BaseMetric``.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self._has_warned = False

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compute both errors of a batch of episodes.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Episodes with predictions, as
                dictionaries.
        """
        fields = ('pred_instances', 'teacher_forced_instances')
        for sample in data_samples:
            pairs = []
            for query in sample['queries']:
                both = [
                    pair_errors(query, sample['supports'], field)
                    for field in fields
                ]
                if None not in both and both[0].valid.any():
                    pairs.append([mean_error(*errors) for errors in both])
            # One entry per episode, see EpisodePCK.
            self.results.append(pairs)

    def compute_metrics(self, results: list[list]) -> dict[str, float]:
        """Compute both errors and the relative gap.

        Args:
            results (list[list]): Both errors of each query by episode.

        Returns:
            dict[str, float]: See the description of the class.
        """
        pairs = [pair for episode in results for pair in episode]
        if not pairs:
            if not self._has_warned:
                print_log(
                    'No teacher-forced predictions, so their gap to the '
                    'autoregressive ones is not reported: set '
                    'model.test_cfg.teacher_forced=True to have it',
                    logger='current',
                )
            self._has_warned = True
            return {}
        free, forced = np.mean(pairs, axis=0).tolist()
        if forced > 0:
            gap = (free - forced) / forced
        else:
            gap = 0.0 if free == forced else float('inf')
        return dict(NME_ar=free, NME_tf=forced, ar_tf_gap=gap)
