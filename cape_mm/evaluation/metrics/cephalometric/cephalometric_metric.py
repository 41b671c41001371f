# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from typing import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.registry import METRICS

from ...functional.radial_error import landmark_table
from ..result_tables import write_result_files
from .cephalograms import (
    CephalogramSet,
    explain_missing_spacing,
    load_training_shape,
    read_cephalogram,
    schema_of,
)
from .cephalometric_tables import (
    cephalogram_rows,
    device_rows,
    landmark_rows,
    report_devices,
    report_landmarks,
    report_result,
    report_spread,
    report_worst,
)
from .landmark_scorer import LandmarkScorer


@METRICS.register_module()
class CephalometricMetric(BaseMetric):
    """Errors of landmarks on lateral X-rays, in millimetres, and collapse.

    Only labelled landmarks count (visibility above 0). Radial errors are
    taken in pixels of the original image and, with the spacing of each
    cephalogram, in millimetres. If the spacing of any cephalogram is unknown,
    nothing is given in millimetres, and the log says why.

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
      collapse, see ``functional/collapse_statistics.py``; shares from 0 to 1.
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
        thresholds_mm (Sequence[float]): Of the SDR. Defaults to (2, 2.5, 3,
            4).
        strict (bool): Whether the SDR wants errors below the threshold
            instead of at most the threshold. Defaults to False.
        pck_threshold (float, optional): Of both PCK. None leaves them out,
            which is needed beside MMPose's ``PCKAccuracy`` without prefix.
            Defaults to 0.05.
        reference (Tuple[str, str]): Codes of the landmarks whose distance
            normalises the second PCK; it is left out where the schema lacks
            them. Defaults to ('S', 'N').
        bootstrap (dict, optional): Confidence interval by resampling
            cephalograms, with the options ``num_samples``, ``level`` and
            ``seed`` of :func:`bootstrap_interval`; ``dict()`` takes the
            defaults. Defaults to None, no interval.
        dump_file (str, optional): Write all of it to this ``.json`` file, and
            a row per cephalogram and landmark to a ``.csv`` file beside it.
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
        if dump_file is not None and not dump_file.endswith('.json'):
            raise ValueError(f'dump_file must end in .json, not {dump_file!r}')
        self.scorer = LandmarkScorer(
            thresholds_mm, strict, pck_threshold, reference, bootstrap
        )
        self.train_ann_file = train_ann_file
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
        # Not before: embedded data are made when their dataset is built.
        if self._shape is None and self.train_ann_file is not None:
            self._shape = load_training_shape(self.train_ann_file, schema)
        self.results += [
            read_cephalogram(sample, schema) for sample in data_samples
        ]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute all numbers, log the tables and write the files.

        Args:
            results (List[CephalogramPrediction]): One entry per cephalogram.

        Returns:
            Dict[str, float]: See the description of the class.

        Raises:
            ValueError: If no cephalogram has a labelled landmark.
        """
        cephalograms = CephalogramSet(results)
        if not cephalograms.valid.any():
            raise ValueError(
                f'none of the {len(cephalograms)} images has a labelled '
                'landmark: '
                'correct the annotation file'
            )
        codes = schema_of(self.dataset_meta).codes
        units = ['px'] if cephalograms.spacing is None else ['px', 'mm']
        metrics: dict[str, float] = {}
        for unit in units:
            metrics.update(self.scorer.radial_scores(cephalograms, unit))
        metrics.update(self.scorer.pck_scores(cephalograms, codes))
        metrics.update(cephalograms.collapse_statistics(self._shape))
        intervals = self.scorer.intervals(cephalograms, units)

        tables = self._tables(cephalograms, units[-1], codes)
        self._log(cephalograms, metrics, intervals, tables, units[-1])
        if self.dump_file is not None:
            summary = dict(
                metrics=metrics,
                intervals=intervals,
                settings=dict(
                    schema=self.dataset_meta['schema'],
                    train_ann_file=self.train_ann_file,
                    **self.scorer.settings,
                ),
                cephalograms=len(cephalograms),
                landmarks=int(cephalograms.valid.sum()),
                cephalograms_without_spacing=[
                    cephalogram.img_id
                    for cephalogram in cephalograms.without_spacing
                ],
                unit=units[-1],
                **{f'by_{name}': rows for name, rows in tables.items()},
            )
            rows = landmark_rows(cephalograms, codes)
            write_result_files(self.dump_file, summary, rows)
        for key in ('MRE', 'MRE_mm'):
            if key in intervals:
                ends = (f'{key}_low', f'{key}_high')
                metrics.update(zip(ends, intervals[key]))
        return metrics

    def _tables(
        self, cephalograms: CephalogramSet, unit: str, codes: Sequence[str]
    ) -> dict[str, list[dict]]:
        landmarks = landmark_table(
            cephalograms.offsets(unit),
            cephalograms.valid,
            codes,
            self.scorer.thresholds(unit),
            self.scorer.strict,
        )
        for row, ratio in zip(
            landmarks, cephalograms.landmark_spreads().tolist()
        ):
            row['spread_ratio'] = ratio
        return dict(
            landmark=landmarks,
            device=device_rows(cephalograms, unit, self.scorer),
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
        texts = [report_landmarks(tables['landmark'], unit)]
        if any(row['device'] for row in tables['device']):
            texts.append(report_devices(tables['device'], unit))
        texts.append(report_worst(tables['cephalogram'], unit))
        spreads = {
            r['landmark']: r['spread_ratio'] for r in tables['landmark']
        }
        texts.append(report_spread(spreads))
        means = [row['mean'] for row in tables['cephalogram'] if row['N']]
        spread = f"SD of the cephalograms' means {np.std(means):.4f} {unit}"
        source = self.train_ann_file or 'the evaluated cephalograms themselves'
        texts.append(
            report_result(
                metrics, intervals, self.scorer.bootstrap, spread, source
            )
        )
        for text in filter(None, texts):
            print_log(text, logger='current')
        if cephalograms.spacing is None:
            print_log(
                explain_missing_spacing(cephalograms, 'errors in millimetres'),
                logger='current',
                level=logging.WARNING,
            )
