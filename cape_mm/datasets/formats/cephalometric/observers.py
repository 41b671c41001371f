# Copyright (c) cape_mm contributors. All rights reserved.
"""Two observers who have marked the same cephalograms."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

#: Whose landmarks to take.
ANNOTATORS = ('mean', 'junior', 'senior')


def choose_points(
    junior: np.ndarray | None,
    senior: np.ndarray | None,
    annotator: str,
    codes: Sequence[str],
    where: str,
    report: AnnotationReport,
) -> tuple[np.ndarray, np.ndarray]:
    """Take the landmarks of one observer, or the mean of both.

    The mean is not rounded. A landmark that one of two observers lacks has
    no mean: it is not labelled.

    Args:
        junior (np.ndarray, optional): (K, 2) x, y in pixels, NaN where not
            marked. Needed unless only the senior's are wanted.
        senior (np.ndarray, optional): The same of the other observer.
        annotator (str): One of :data:`ANNOTATORS`.
        codes (Sequence[str]): K codes of the landmarks.
        where (str): The cephalogram, for messages.
        report (AnnotationReport): Counts what is not labelled.

    Returns:
        tuple:
        - keypoints_px (np.ndarray): (K, 2) float64.
        - visible (np.ndarray): (K,) int64, 2 or 0.
    """
    points = dict(junior=[junior], senior=[senior], mean=[junior, senior])
    chosen = np.stack(points[annotator])
    mean = chosen.mean(axis=0)
    is_marked = np.isfinite(chosen).all(axis=2)
    for index in np.flatnonzero(~is_marked.all(axis=0)):
        kind = 'one_observer' if is_marked[:, index].any() else 'not_labelled'
        report.add(kind, f'{where}, landmark {codes[index]}')
    return mean, np.where(is_marked.all(axis=0), 2, 0)


class ObserverError:
    """Collects how far two observers are apart.

    Args:
        codes (Sequence[str]): K codes of the landmarks.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = list(codes)
        self._px: list[np.ndarray] = []
        self._mm: list[np.ndarray] = []

    def add(
        self,
        junior: np.ndarray,
        senior: np.ndarray,
        spacing: tuple[float, float] | None,
    ) -> None:
        """Add a cephalogram.

        Args:
            junior (np.ndarray): (K, 2) x, y in pixels, NaN where not marked.
            senior (np.ndarray): (K, 2) x, y in pixels, NaN where not marked.
            spacing (Tuple[float, float], optional): Millimetres per pixel
                along x and y.
        """
        offset = np.asarray(junior) - np.asarray(senior)
        self._px.append(np.hypot(*offset.T))
        scale = (np.nan, np.nan) if spacing is None else spacing
        self._mm.append(np.hypot(*(offset * scale).T))

    def lines(self) -> list[str]:
        """Say it for people.

        Returns:
            List[str]: Overall, then each landmark, the worst first; empty if
            there is no cephalogram. In mm if the spacing of any cephalogram is
            known, of the cephalograms where it is; else in pixels.
        """
        if not self._px:
            return []
        errors, unit = np.stack(self._mm), 'mm'
        if not np.isfinite(errors).any():
            errors, unit = np.stack(self._px), 'px'
        flat = errors[np.isfinite(errors)]
        if not flat.size:
            return []
        share = f', {np.mean(flat <= 2):.1%} within 2 mm' * (unit == 'mm')
        cephalograms = np.isfinite(errors).any(axis=1).sum()
        lines = [
            f'Junior against senior observer, {cephalograms} cephalograms: '
            f'{flat.mean():.3f} ± {flat.std():.3f} {unit}{share}'
        ]
        # A landmark nobody has marked has no mean.
        columns = [
            (column[np.isfinite(column)].mean(), code)
            for code, column in zip(self.codes, errors.T)
            if np.isfinite(column).any()
        ]
        lines += [
            f'  {code:<6}{mean:8.3f} {unit}'
            for mean, code in sorted(columns, reverse=True)
        ]
        return lines
