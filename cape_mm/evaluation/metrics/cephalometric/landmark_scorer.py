# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np
from mmengine.logging import print_log
from mmpose.evaluation.functional import keypoint_pck_accuracy

from ...functional import bootstrap_interval
from ...functional.radial_error import (
    detected,
    detection_rate,
    mean_radial_error,
    radial_error_spread,
    radial_errors,
)
from .cephalograms import CephalogramSet


class LandmarkScorer:
    """Turn the landmarks of cephalograms into scores.

    Args:
        thresholds_mm (Sequence[float]): See :class:`CephalometricMetric`.
        strict (bool): See :class:`CephalometricMetric`.
        pck_threshold (float, optional): See :class:`CephalometricMetric`.
        reference (Tuple[str, str]): See :class:`CephalometricMetric`.
        bootstrap (dict, optional): See :class:`CephalometricMetric`.

    Raises:
        ValueError: If an option of ``bootstrap`` is unknown.
    """

    def __init__(
        self,
        thresholds_mm: Sequence[float],
        strict: bool,
        pck_threshold: float | None,
        reference: tuple[str, str],
        bootstrap: dict | None,
    ) -> None:
        if bootstrap is not None:
            defaults = dict(num_samples=1000, level=0.95, seed=0)
            unknown = bootstrap.keys() - defaults
            if unknown:
                raise ValueError(
                    f'unknown options of bootstrap: {sorted(unknown)}; there '
                    f'are {sorted(defaults)}'
                )
            bootstrap = dict(defaults, **bootstrap)
        self.thresholds_mm = [float(value) for value in thresholds_mm]
        self.strict = strict
        self.pck_threshold = pck_threshold
        self.reference = tuple(reference)
        self.bootstrap = bootstrap

    @property
    def settings(self) -> dict:
        """All options."""
        return dict(vars(self))

    def thresholds(self, unit: str) -> list[float]:
        """Thresholds of the SDR: none in pixels.

        Args:
            unit (str): ``'px'`` or ``'mm'``.

        Returns:
            List[float]: In millimetres.
        """
        return self.thresholds_mm if unit == 'mm' else []

    def radial_scores(
        self, cephalograms: CephalogramSet, unit: str
    ) -> dict[str, float]:
        """MRE, SD and, in millimetres, SDR.

        Args:
            cephalograms (CephalogramSet): The cephalograms.
            unit (str): ``'px'`` or ``'mm'``.

        Returns:
            Dict[str, float]: By key of the metric.
        """
        errors = radial_errors(cephalograms.offsets(unit))
        end = '_mm' if unit == 'mm' else ''
        scores = {
            f'MRE{end}': mean_radial_error(errors, cephalograms.valid),
            f'SD{end}': radial_error_spread(errors, cephalograms.valid),
        }
        for threshold in self.thresholds(unit):
            scores[f'SDR_{threshold:g}mm'] = detection_rate(
                errors, cephalograms.valid, threshold, self.strict
            )
        return scores

    def pck_scores(
        self, cephalograms: CephalogramSet, codes: Sequence[str]
    ) -> dict[str, float]:
        """PCK by the box and by the distance of the reference landmarks.

        Args:
            cephalograms (CephalogramSet): The cephalograms.
            codes (Sequence[str]): K codes of their landmarks.

        Returns:
            Dict[str, float]: By key of the metric; the second only if the
            schema has its landmarks.
        """
        if self.pck_threshold is None:
            return {}
        boxes = cephalograms.boxes_px
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        scores = dict(PCK=self._pck(cephalograms, sides))
        name = f'PCK_{"-".join(self.reference)}'
        if not set(self.reference) <= set(codes):
            print_log(
                f'No {name}: the schema lacks one of its landmarks',
                logger='current',
            )
            return scores
        first, second = (codes.index(code) for code in self.reference)
        truth, valid = cephalograms.truth_px, cephalograms.valid
        lengths = np.linalg.norm(truth[:, first] - truth[:, second], axis=-1)
        has_both = valid[:, first] & valid[:, second]
        if not has_both.all():
            print_log(
                f'{name} leaves out {(~has_both).sum()} of '
                f'{len(cephalograms)} images '
                'in which one of its landmarks is not labelled',
                logger='current',
            )
        scores[name] = self._pck(
            cephalograms, np.where(has_both, lengths, 0.0)
        )
        return scores

    def intervals(
        self, cephalograms: CephalogramSet, units: Sequence[str]
    ) -> dict[str, list[float]]:
        """Confidence intervals of MRE and SDR.

        Args:
            cephalograms (CephalogramSet): The cephalograms.
            units (Sequence[str]): ``'px'``, ``'mm'``.

        Returns:
            Dict[str, List[float]]: Lower and upper end by key of the metric;
            nothing without ``bootstrap``.
        """
        if self.bootstrap is None:
            return {}
        columns = {}
        for unit in units:
            errors = radial_errors(cephalograms.offsets(unit))
            columns['MRE_mm' if unit == 'mm' else 'MRE'] = errors
            for threshold in self.thresholds(unit):
                columns[f'SDR_{threshold:g}mm'] = 100.0 * detected(
                    errors, threshold, self.strict
                )
        sums = [(c * cephalograms.valid).sum(axis=1) for c in columns.values()]
        ends = bootstrap_interval(
            np.stack(sums, axis=1),
            cephalograms.valid.sum(axis=1),
            np.zeros(len(cephalograms)),
            **self.bootstrap,
        )
        return dict(zip(columns, ends.T.tolist()))

    def _pck(self, cephalograms: CephalogramSet, lengths: np.ndarray) -> float:
        """PCK by a length per image, (N,); 0 leaves the image out."""
        _, mean, count = keypoint_pck_accuracy(
            cephalograms.predicted_px,
            cephalograms.truth_px,
            cephalograms.valid,
            self.pck_threshold,
            np.repeat(lengths[:, None], 2, axis=1),
        )
        return float(mean) if count else float('nan')
