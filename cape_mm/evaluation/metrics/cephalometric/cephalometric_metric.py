# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from collections import defaultdict
from typing import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.evaluation.functional import keypoint_pck_accuracy

from cape_mm.registry import METRICS

from ...functional.radial_error import (
    detected,
    detection_rate,
    errors_by_landmark,
    mean_radial_error,
    radial_error_spread,
)
from ...functional.statistics import bootstrap_interval
from ..result_tables import (
    check_dump_file,
    format_result,
    format_table,
    write_result_files,
)
from .cephalograms import (
    CephalogramPrediction,
    CephalogramSet,
    load_training_shape,
    read_scored,
    schema_of,
)
from .cephalometric_tables import (
    cephalogram_rows,
    prediction_rows,
    report_missing_spacing,
    report_spread,
    report_worst,
)


@METRICS.register_module()
class CephalometricMetric(BaseMetric):
    """Errors of landmarks on lateral cephalograms, and signs of collapse.

    Only labelled landmarks count (visibility above 0). Radial errors are
    computed in original pixels and, with the spacing of each cephalogram, in
    millimetres. If the spacing of any cephalogram is unknown, nothing is given
    in millimetres, and the log explains why.

    Keys:

    * ``MRE``, ``SD``: mean and standard deviation in pixels, over all
      landmarks of all cephalograms as one pool (divisor N); ``MRE_mm``,
      ``SD_mm`` in millimetres. How far the means of the cephalograms differ is
      in the log.
    * ``SDR_2mm``, ``SDR_2.5mm``, ...: success detection rate, percent of the
      landmarks with an error of at most that.
    * ``PCK``: from 0 to 1, the same as that of MMPose's ``PCKAccuracy``:
      error less than ``pck_threshold`` times the longer side of the box, mean
      over landmarks of their shares. As the box is the whole cephalogram this
      is near 1 long before a landmark is usable.
    * ``PCK_S-N``: the same with the true distance of S and N in place of the
      box; about 3.5 mm. Cephalograms without these landmarks are left out of
      it.
    * ``spread_ratio``, ``corr``, ``skill``, ``spread_in_image``,
      ``merged_pairs``, ``edge_share``, ``mode_share``, ``peak``: signs of
      collapse, see ``functional/collapse.py``; shares from 0 to 1.
    * With ``bootstrap``, ``MRE_low``, ``MRE_high``, ``MRE_mm_low``,
      ``MRE_mm_high``.

    Tables by landmark, by device if the cephalograms name theirs, and the
    worst cephalograms are logged, and which landmarks vary far less or more
    than they should: ``spread_ratio`` is a median.

    Args:
        train_ann_file (str, optional): Annotation file of the training data,
            relative to the working directory; ``skill`` compares with its
            mean shape. Defaults to None, the mean shape of the evaluated
            cephalograms' true landmarks, which no predictor knows: ``skill``
            is then a little too low.
        thresholds_mm (Sequence[float]): Thresholds of the SDR, millimetres.
            Defaults to (2, 2.5, 3, 4).
        strict (bool): Whether the SDR counts errors below the threshold
            instead of at most the threshold. Defaults to False.
        pck_threshold (float, optional): Threshold of both PCK. None leaves
            them out, which is needed beside MMPose's ``PCKAccuracy`` without
            prefix. Defaults to 0.05.
        reference (tuple[str, str]): Codes of the landmarks whose distance
            normalises the second PCK; it is left out where the schema lacks
            them. Defaults to ('S', 'N').
        bootstrap (dict, optional): Confidence interval by resampling
            cephalograms, with the options ``num_samples``, ``level`` and
            ``seed`` of :func:`bootstrap_interval`; ``dict()`` takes the
            defaults. Defaults to None, no interval.
        dump_file (str, optional): ``.json`` file for all of it, with a row
            per cephalogram and landmark in a ``.csv`` file beside it.
            Overwritten by every evaluation.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If an option is wrong; while running, if a prediction is
            not finite or a data sample is wrong.
    """

    def __init__(
        self,
        train_ann_file: str | None = None,
        thresholds_mm: Sequence[float] = (2.0, 2.5, 3.0, 4.0),
        strict: bool = False,
        pck_threshold: float | None = 0.05,
        reference: tuple[str, str] = ('S', 'N'),
        bootstrap: dict | None = None,
        dump_file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_dump_file(dump_file)
        if bootstrap is not None:
            defaults = dict(num_samples=1000, level=0.95, seed=0)
            unknown = bootstrap.keys() - defaults
            if unknown:
                raise ValueError(
                    f'unknown options of bootstrap: {sorted(unknown)}; there '
                    f'are {sorted(defaults)}'
                )
            bootstrap = dict(defaults, **bootstrap)
        self.train_ann_file = train_ann_file
        self.thresholds_mm = [float(value) for value in thresholds_mm]
        self.strict = strict
        self.pck_threshold = pck_threshold
        self.reference = tuple(reference)
        self.bootstrap = bootstrap
        self.dump_file = dump_file
        self._shape: np.ndarray | None = None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect the landmarks of a batch of cephalograms.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Cephalograms with predictions, as
                dictionaries.
        """
        schema = schema_of(self.dataset_meta)
        # Not before: synthetic data are written when their dataset is built.
        if self._shape is None and self.train_ann_file is not None:
            self._shape = load_training_shape(self.train_ann_file, schema)
        self.results += [
            read_scored(sample, schema) for sample in data_samples
        ]

    def compute_metrics(
        self, results: list[CephalogramPrediction]
    ) -> dict[str, float]:
        """Compute all numbers, log the tables and write the files.

        Args:
            results (list[CephalogramPrediction]): One entry per cephalogram.

        Returns:
            dict[str, float]: See the description of the class.

        Raises:
            ValueError: If no cephalogram has a labelled landmark.
        """
        cephalograms = CephalogramSet(results)
        if not cephalograms.valid.any():
            raise ValueError(
                f'none of the {len(cephalograms)} images has a labelled '
                'landmark: correct the annotation file'
            )
        codes = schema_of(self.dataset_meta).codes
        units = cephalograms.units
        metrics: dict[str, float] = {}
        for unit in units:
            metrics.update(self._radial_scores(cephalograms, unit))
        metrics.update(self._pck_scores(cephalograms, codes))
        metrics.update(cephalograms.collapse_statistics(self._shape))
        intervals = self._intervals(cephalograms)

        tables = self._tables(cephalograms, units[-1], codes)
        self._log(cephalograms, metrics, intervals, tables, units[-1])
        if self.dump_file is not None:
            summary = dict(
                metrics=metrics,
                intervals=intervals,
                settings=dict(
                    schema=self.dataset_meta['schema'],
                    train_ann_file=self.train_ann_file,
                    thresholds_mm=self.thresholds_mm,
                    strict=self.strict,
                    pck_threshold=self.pck_threshold,
                    reference=self.reference,
                    bootstrap=self.bootstrap,
                ),
                cephalograms=len(cephalograms),
                landmarks=int(cephalograms.valid.sum()),
                cephalograms_without_spacing=[
                    c.img_id for c in cephalograms.without_spacing
                ],
                unit=units[-1],
                **{f'by_{name}': rows for name, rows in tables.items()},
            )
            rows = prediction_rows(cephalograms, codes)
            write_result_files(self.dump_file, summary, rows)
        for key in ('MRE', 'MRE_mm'):
            if key in intervals:
                low, high = intervals[key]
                metrics.update({f'{key}_low': low, f'{key}_high': high})
        return metrics

    def _thresholds(self, unit: str) -> list[float]:
        """Thresholds of the SDR: none in pixels."""
        return self.thresholds_mm if unit == 'mm' else []

    def _radial_scores(
        self, cephalograms: CephalogramSet, unit: str
    ) -> dict[str, float]:
        """MRE, SD and, in millimetres, SDR."""
        errors, valid = cephalograms.errors(unit), cephalograms.valid
        end = '_mm' if unit == 'mm' else ''
        scores = {
            f'MRE{end}': mean_radial_error(errors, valid),
            f'SD{end}': radial_error_spread(errors, valid),
        }
        for threshold in self._thresholds(unit):
            scores[f'SDR_{threshold:g}mm'] = detection_rate(
                errors, valid, threshold, self.strict
            )
        return scores

    def _pck_scores(
        self, cephalograms: CephalogramSet, codes: Sequence[str]
    ) -> dict[str, float]:
        """PCK by the box and by the distance of the reference landmarks."""
        if self.pck_threshold is None:
            return {}
        boxes, valid = cephalograms.boxes_px, cephalograms.valid
        lengths = dict(PCK=(boxes[:, 2:] - boxes[:, :2]).max(axis=1))
        name = f'PCK_{"-".join(self.reference)}'
        note = f'No {name}: the schema lacks one of its landmarks'
        if set(self.reference) <= set(codes):
            pair = [codes.index(code) for code in self.reference]
            first, second = cephalograms.truth_px[:, pair].swapaxes(0, 1)
            distance = np.linalg.norm(first - second, axis=-1)
            has_both = valid[:, pair].all(axis=1)
            lengths[name] = np.where(has_both, distance, 0.0)
            note = ''
            if not has_both.all():
                note = (
                    f'{name} leaves out {(~has_both).sum()} of '
                    f'{len(cephalograms)} images in which one of its '
                    'landmarks is not labelled'
                )
        if note:
            print_log(note, logger='current')
        scores = {}
        for key, length in lengths.items():
            _, mean, count = keypoint_pck_accuracy(
                cephalograms.predicted_px,
                cephalograms.truth_px,
                valid,
                self.pck_threshold,
                # 0 leaves the image out
                np.repeat(length[:, None], 2, axis=1),
            )
            scores[key] = float(mean) if count else float('nan')
        return scores

    def _intervals(
        self, cephalograms: CephalogramSet
    ) -> dict[str, list[float]]:
        """Both ends of MRE and SDR; nothing without bootstrap."""
        if self.bootstrap is None:
            return {}
        columns = {}
        for unit in cephalograms.units:
            errors = cephalograms.errors(unit)
            columns['MRE_mm' if unit == 'mm' else 'MRE'] = errors
            for threshold in self._thresholds(unit):
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

    def _tables(
        self, cephalograms: CephalogramSet, unit: str, codes: Sequence[str]
    ) -> dict[str, list[dict]]:
        """Rows by landmark, by device and by cephalogram."""
        landmarks = errors_by_landmark(
            cephalograms.offsets(unit),
            cephalograms.valid,
            codes,
            self._thresholds(unit),
            self.strict,
        )
        for row, spread in zip(landmarks, cephalograms.landmark_spreads()):
            row['spread_ratio'] = float(spread)
        by_device = defaultdict(list)
        for cephalogram in cephalograms.cephalograms:
            by_device[cephalogram.device].append(cephalogram)
        devices = []
        for device, group in sorted(by_device.items()):
            members = CephalogramSet(group)
            row = dict(device=device, cephalograms=len(members))
            row['N'] = int(members.valid.sum())
            devices.append({**row, **self._radial_scores(members, unit)})
        return dict(
            landmark=landmarks,
            device=devices,
            cephalogram=cephalogram_rows(cephalograms, unit, codes),
        )

    def _log(
        self,
        cephalograms: CephalogramSet,
        metrics: dict[str, float],
        intervals: dict[str, list[float]],
        tables: dict[str, list[dict]],
        unit: str,
    ) -> None:
        """Log the tables, the result and why millimetres are missing."""
        landmarks = tables['landmark']
        texts = [
            f'Radial errors by landmark in {unit}; SDR in percent; dx, dy: '
            f'bias to the right and downwards\n{format_table(landmarks)}'
        ]
        devices = tables['device']
        if any(row['device'] for row in devices):
            rows = [dict(r, device=r['device'] or '(none)') for r in devices]
            text = f'Radial errors by device in {unit}'
            texts.append(f'{text}\n{format_table(rows)}')
        texts.append(report_worst(tables['cephalogram'], unit))
        spreads = {row['landmark']: row['spread_ratio'] for row in landmarks}
        texts.append(report_spread(spreads))
        means = [row['mean'] for row in tables['cephalogram'] if row['N']]
        source = self.train_ann_file or 'the evaluated cephalograms themselves'
        heading = (
            'Result: MRE and SD over all labelled landmarks in one pool; SDR '
            "in percent; PCK from 0 to 1. SD of the cephalograms' means "
            f'{np.std(means):.4f} {unit}. Skill is against the mean shape of '
            f'{source}'
        )
        result = metrics, intervals, self.bootstrap, 'whole cephalograms'
        texts.append(format_result([heading], *result))
        for text in filter(None, texts):
            print_log(text, logger='current')
        if cephalograms.without_spacing:
            text = report_missing_spacing(cephalograms)
            print_log(text, logger='current', level=logging.WARNING)
