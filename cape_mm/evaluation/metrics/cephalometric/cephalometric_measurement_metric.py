# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from typing import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from cape_mm.registry import METRICS
from cape_mm.structures import LandmarkSchema

from ...functional.cephalometric_formulas import FORMULAS
from ...functional.cephalometric_measurements import measure, missing_landmarks
from ...functional.cephalometric_norms import ISBI_MEASUREMENTS, isbi_types
from ...functional.statistics import (
    classification_rate,
    cohen_kappa,
    defined_mean,
    difference_agreement,
)
from ..result_tables import check_dump_file, format_table, write_result_files
from .cephalograms import CephalogramPrediction, read_scored, schema_of

# Type of a cephalogram that can be measured in truth, but not as predicted.
_FAILED = -1


@METRICS.register_module()
class CephalometricMeasurementMetric(BaseMetric):
    """Errors of the angles, distances and types that landmarks are used for.

    Each cephalogram is measured with its true and with its predicted
    landmarks, by the formulas in ``functional/cephalometric_formulas.py``.
    Landmarks without label are left out of both. Measurements that the schema
    does not allow are logged with the landmarks they lack. If the spacing of
    any cephalogram is unknown, nothing is given in millimetres.

    Keys:

    * ``<measurement>_error``, such as ``SNA_error`` or ``Wits_error``: mean
      absolute difference in degrees, in millimetres, or as a ratio.
    * ``angle_error``: mean of these over all angles, degrees;
      ``length_error``: over all distances, millimetres.
    * ``isbi_SCR``: success classification rate of the types of the ISBI
      challenge: percent of the cephalograms of the same type, mean over the
      types that the schema and the spacing allow. A prediction that cannot be
      measured is wrong. An MW in (0, 2) mm, which the challenge does not
      classify, has a type of its own.
    * ``isbi_kappa``: mean of Cohen's kappa over the types where it is
      defined.

    Tables with the number of cephalograms, bias, standard deviation and 95 %
    limits of agreement of each measurement, and with each type, are logged.

    Args:
        measurements (Sequence[str], optional): Names of the measurements in
            the result. Defaults to None, all of :data:`FORMULAS`. The types
            are always given.
        dump_file (str, optional): ``.json`` file for all of it, with a row
            per cephalogram and measurement in a ``.csv`` file beside it.
            Overwritten by every evaluation.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If an option is wrong; while running, if a prediction is
            not finite or a data sample is wrong.
    """

    def __init__(
        self,
        measurements: Sequence[str] | None = None,
        dump_file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        unknown = set(measurements or ()) - FORMULAS.keys()
        if unknown:
            raise ValueError(
                f'unknown measurements {sorted(unknown)}; there are '
                f'{", ".join(FORMULAS)}'
            )
        check_dump_file(dump_file)
        self.measurements = list(measurements or FORMULAS)
        self.dump_file = dump_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure a batch of cephalograms.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Cephalograms with predictions, as
                dictionaries.
        """
        schema = schema_of(self.dataset_meta)
        for sample in data_samples:
            read = read_scored(sample, schema)
            self.results.append(
                dict(
                    img_id=read.img_id,
                    img_path=read.img_path,
                    has_spacing=read.spacing is not None,
                    truth=_values(read.truth_px, read, schema),
                    predicted=_values(read.predicted_px, read, schema),
                )
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute all numbers, log the tables and write the files.

        Args:
            results (list[dict]): One entry per cephalogram.

        Returns:
            dict[str, float]: See the description of the class.
        """
        without_spacing = [r for r in results if not r['has_spacing']]
        if without_spacing:
            lengths = [n for n, f in FORMULAS.items() if f.unit == 'mm']
            for result in results:
                result['truth'].update(dict.fromkeys(lengths, np.nan))
        rows = [_measurement_row(name, results) for name in self.measurements]
        rows = list(filter(None, rows))
        types = [_type_row(name, results) for name in ISBI_MEASUREMENTS]
        types = list(filter(None, types))

        metrics = {f'{row["measurement"]}_error': row['error'] for row in rows}
        for key, unit in (('angle_error', 'deg'), ('length_error', 'mm')):
            errors = [row['error'] for row in rows if row['unit'] == unit]
            if errors:
                metrics[key] = defined_mean(errors)
        if types:
            metrics['isbi_SCR'] = defined_mean([row['SCR'] for row in types])
            metrics['isbi_kappa'] = defined_mean(
                [row['kappa'] for row in types]
            )
        self._log(rows, types, metrics, without_spacing, len(results))
        if self.dump_file is not None:
            summary = dict(
                metrics=metrics,
                settings=dict(
                    schema=self.dataset_meta['schema'],
                    measurements=self.measurements,
                ),
                cephalograms=len(results),
                cephalograms_without_spacing=[
                    r['img_id'] for r in without_spacing
                ],
                by_measurement=rows,
                by_type=types,
            )
            names = [row['measurement'] for row in rows]
            values = [row for one in results for row in _rows(one, names)]
            write_result_files(self.dump_file, summary, values)
        return metrics

    def _log(
        self,
        rows: list[dict],
        types: list[dict],
        metrics: dict[str, float],
        without_spacing: list[dict],
        count: int,
    ) -> None:
        """Log what could not be measured, the tables and the result."""
        missing = missing_landmarks(schema_of(self.dataset_meta).codes)
        lacking = '; '.join(
            f'{name}: missing {", ".join(missing[name])}'
            for name in self.measurements
            if missing[name]
        )
        if lacking:
            print_log(f'Not available: {lacking}', logger='current')
        if without_spacing:
            named = ', '.join(
                f'{cephalogram["img_id"]} ({cephalogram["img_path"]})'
                for cephalogram in without_spacing[:3]
            )
            print_log(
                'No distances in millimetres: the spacing of '
                f'{len(without_spacing)} of {count} images is unknown, e.g. '
                f"{named}. Put it as 'spacing' into the annotation file, and "
                "'spacing' into the meta_keys of PackPoseInputs",
                logger='current',
                level=logging.WARNING,
            )
        failed = {r['measurement']: r['failed'] for r in rows if r['failed']}
        if failed:
            print_log(
                'Predictions in which landmarks coincide could not be '
                'measured, and are not in the errors: '
                + ', '.join(f'{n} {name}' for name, n in failed.items()),
                logger='current',
                level=logging.WARNING,
            )
        heading = (
            'Measurements, predicted minus true: error = mean absolute '
            'difference; low, high = 95 % limits of agreement'
        )
        tables = {heading: rows, 'Types of the ISBI challenge': types}
        for text, table in tables.items():
            if table:
                print_log(f'{text}\n{format_table(table)}', logger='current')
        summary = ', '.join(
            f'{key} {metrics[key]:.4f}'
            for key in ('angle_error', 'length_error', 'isbi_SCR')
            if key in metrics
        )
        print_log(
            f'Result: {summary or "nothing can be measured"}', logger='current'
        )


def _values(
    points_px: np.ndarray,
    cephalogram: CephalogramPrediction,
    schema: LandmarkSchema,
) -> dict[str, float]:
    """All measurements of (K, 2) landmarks; NaN where not available."""
    valid, spacing = cephalogram.valid, cephalogram.spacing
    results = measure(points_px, valid, schema, spacing)
    return {
        name: np.nan if result.value is None else result.value
        for name, result in results.items()
    }


def _measurement_row(name: str, cephalograms: list[dict]) -> dict | None:
    """Agreement of one measurement; None if no cephalogram allows it."""
    truth = np.array([one['truth'][name] for one in cephalograms])
    predicted = np.array([one['predicted'][name] for one in cephalograms])
    is_known = ~np.isnan(truth)
    if not is_known.any():
        return None
    unit = FORMULAS[name].unit
    return dict(
        measurement=name,
        unit=unit,
        failed=int(np.isnan(predicted[is_known]).sum()),
        **difference_agreement(predicted, truth, is_angle=unit == 'deg'),
    )


def _type_row(name: str, cephalograms: list[dict]) -> dict | None:
    """Agreement of one type; None if no cephalogram allows it."""
    pairs = []
    for one in cephalograms:
        truth = isbi_types(one['truth'])[name]
        predicted = isbi_types(one['predicted'])[name]
        if truth is not None:
            pairs.append((truth, _FAILED if predicted is None else predicted))
    if not pairs:
        return None
    truth, predicted = np.array(pairs).T
    return dict(
        measurement=name,
        N=len(pairs),
        SCR=classification_rate(predicted, truth),
        kappa=cohen_kappa(predicted, truth),
    )


def _rows(cephalogram: dict, names: Sequence[str]) -> list[dict]:
    """Rows of one cephalogram, one per measurement."""
    types = [isbi_types(cephalogram[side]) for side in ('truth', 'predicted')]
    return [
        dict(
            img_id=cephalogram['img_id'],
            img_path=cephalogram['img_path'],
            measurement=name,
            unit=FORMULAS[name].unit,
            truth=cephalogram['truth'][name],
            predicted=cephalogram['predicted'][name],
            truth_type=types[0].get(name),
            predicted_type=types[1].get(name),
        )
        for name in names
    ]
