# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np

from ..functional.collapse_statistics import (
    correlation,
    edge_share,
    landmark_spread_ratios,
    merged_pairs,
    mode_share,
    peak,
    skill,
    spread_in_image,
    spread_ratio,
)
from ..functional.mean_shape import mean_shape, to_box
from ..functional.radial_error import landmark_offsets
from .cephalogram_prediction import CephalogramPrediction

# What falls together: millimetres, or shares of the box's longer side, which
# is 200 to 240 mm of a cephalogram.
_NEAR_MM, _APART_MM = 1.0, 4.0
_NEAR_BOX, _APART_BOX = 0.005, 0.02


class CephalogramSet:
    """All cephalograms of an evaluation as arrays.

    Args:
        cephalograms (Sequence[CephalogramPrediction]): N cephalograms with K
            landmarks each.

    Attributes:
        cephalograms (Sequence[CephalogramPrediction]): The same.
        predicted_px (np.ndarray): (N, K, 2) float64.
        truth_px (np.ndarray): (N, K, 2) float64.
        valid (np.ndarray): (N, K) bool, True where labelled.
        scores (np.ndarray): (N, K) float64.
        boxes_px (np.ndarray): (N, 4) float64 x1, y1, x2, y2.
        spacing (np.ndarray, optional): (N, 2) float64 millimetres per pixel;
            None if it is unknown for any cephalogram.
    """

    def __init__(self, cephalograms: Sequence[CephalogramPrediction]) -> None:
        self.cephalograms = cephalograms
        self.predicted_px = np.stack(
            [cephalogram.predicted_px for cephalogram in cephalograms]
        )
        self.valid = np.stack(
            [cephalogram.valid for cephalogram in cephalograms]
        )
        truth = np.stack(
            [cephalogram.truth_px for cephalogram in cephalograms]
        )
        self.truth_px = np.where(self.valid[..., None], truth, 0.0)
        self.scores = np.stack(
            [cephalogram.scores for cephalogram in cephalograms]
        )
        self.boxes_px = np.stack(
            [cephalogram.box_px for cephalogram in cephalograms]
        )
        self.spacing: np.ndarray | None = None
        if not self.without_spacing:
            self.spacing = np.stack(
                [cephalogram.spacing for cephalogram in cephalograms]
            )

    def __len__(self) -> int:
        return len(self.cephalograms)

    @property
    def without_spacing(self) -> list[CephalogramPrediction]:
        """Cephalograms whose spacing is unknown."""
        return [
            cephalogram
            for cephalogram in self.cephalograms
            if cephalogram.spacing is None
        ]

    def offsets(self, unit: str) -> np.ndarray:
        """Predicted minus true positions.

        Args:
            unit (str): ``'px'``, or ``'mm'`` if there is a spacing.

        Returns:
            np.ndarray: (N, K, 2) float64.
        """
        spacing = self.spacing if unit == 'mm' else None
        return landmark_offsets(self.predicted_px, self.truth_px, spacing)

    def collapse_statistics(self, shape: np.ndarray | None) -> dict:
        """Statistics that tell a collapsed model.

        Args:
            shape (np.ndarray, optional): (K, 2) mean shape of the training
                data relative to the box, see :func:`to_box`. None takes that
                of these cephalograms.

        Returns:
            dict: ``spread_ratio``, ``corr``, ``skill``, ``spread_in_image``,
            ``merged_pairs``, ``edge_share``, ``mode_share``, and ``peak`` if
            the predictions have scores; shares are in [0, 1].
        """
        predicted, truth = (
            to_box(points, self.boxes_px)
            for points in (self.predicted_px, self.truth_px)
        )
        valid = self.valid
        if shape is None:
            shape = mean_shape(truth, valid)
        varies = ~np.isnan(self.landmark_spreads())
        statistics = dict(
            spread_ratio=spread_ratio(predicted, truth, valid),
            corr=correlation(predicted, truth, valid),
            skill=skill(predicted, truth, valid, shape),
            spread_in_image=spread_in_image(predicted, truth, valid),
            merged_pairs=self._merged_pairs(predicted, truth),
            edge_share=edge_share(self.predicted_px, valid, self.boxes_px),
            mode_share=mode_share(predicted, valid & varies),
        )
        if not np.isnan(self.scores).all():
            statistics['peak'] = peak(self.scores, valid)
        return statistics

    def landmark_spreads(self) -> np.ndarray:
        """The ``spread_ratio`` of each landmark, whose median is given.

        Returns:
            np.ndarray: (K,) float64; NaN for a landmark that does not vary.
        """
        predicted, truth = (
            to_box(points, self.boxes_px)
            for points in (self.predicted_px, self.truth_px)
        )
        return landmark_spread_ratios(predicted, truth, self.valid)

    def _merged_pairs(self, predicted: np.ndarray, truth: np.ndarray) -> float:
        if self.spacing is None:
            return merged_pairs(
                predicted, truth, self.valid, _NEAR_BOX, _APART_BOX
            )
        scale = self.spacing[:, None]
        return merged_pairs(
            self.predicted_px * scale,
            self.truth_px * scale,
            self.valid,
            _NEAR_MM,
            _APART_MM,
        )


def explain_missing_spacing(cephalograms: CephalogramSet, what: str) -> str:
    """Say why there are no millimetres and what to do.

    Args:
        cephalograms (CephalogramSet): Of which some have no spacing.
        what (str): What is left out.

    Returns:
        str: One sentence or two.
    """
    missing = cephalograms.without_spacing
    shown = ', '.join(f'{f.img_id} ({f.img_path})' for f in missing[:3])
    text = (
        f'No {what}: the spacing of {len(missing)} of {len(cephalograms)} '
        'images is '
        f'unknown, e.g. {shown}.'
    )
    if not any(cephalogram.has_spacing_field for cephalogram in missing):
        return (
            f"{text} The data samples have no 'spacing': add it to the "
            'meta_keys of PackPoseInputs'
        )
    return (
        f"{text} Put the millimetres per pixel as 'spacing' into the "
        'annotation file'
    )
