# Copyright (c) cape_mm contributors. All rights reserved.
"""95 % radii of a cephalometric checkpoint: measured once, kept beside it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.errors import DataError
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.evaluation.functional.landmark_radii import (
    conformal_quantile,
    covered_share,
    radius_factors,
)

if TYPE_CHECKING:
    from .base_inferencer import PathLike
    from .cephalometric_inferencer import CephalometricInferencer

_SUFFIX = '.radii.json'


@dataclass(frozen=True)
class RadiusCalibration:
    """Factors from the spread of heatmaps to radii of landmarks.

    Attributes:
        schema (str): Name of the landmarks and their order.
        factors (tuple[float, ...]): Radius by spread of each landmark.
        measurement_factor (float): Factor of the margins of measurements:
            errors of landmarks are not quite independent. 1 where no
            measurement of the labels is available.
        coverage (float): Share of landmarks that are to be within their
            radius.
        num_cephalograms (int): Cephalograms of the calibration.
        ann_file (str): Name of their annotation file.
        checkpoint_sha256 (str): Hash of the checkpoint.
    """

    schema: str
    factors: tuple[float, ...]
    measurement_factor: float
    coverage: float
    num_cephalograms: int
    ann_file: str
    checkpoint_sha256: str

    def write(self, path: PathLike) -> None:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=2) + '\n')

    @classmethod
    def read(
        cls, path: PathLike, schema: str, checkpoint: PathLike
    ) -> RadiusCalibration:
        """Read a file, and check that it belongs to a checkpoint.

        Args:
            path (str | Path): File of :meth:`write`.
            schema (str): Schema of the checkpoint.
            checkpoint (str | Path): Checkpoint file.

        Returns:
            RadiusCalibration: The calibration.

        Raises:
            FileNotFoundError: If there is no such file.
            DataError: If it is damaged, or is that of another checkpoint.
        """
        remedy = 'calibrate again with tools/analysis_tools/calibrate_radii.py'
        try:
            content = json.loads(Path(path).read_text('utf-8'))
            content['factors'] = tuple(map(float, content['factors']))
            found = cls(**content)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f'{path} holds no radii ({error}): {remedy}'
            ) from error
        if found.schema != schema:
            raise DataError(
                f'{path} has radii of schema {found.schema!r}, the model '
                f'finds {schema!r}: {remedy}'
            )
        if found.checkpoint_sha256 != hash_of(checkpoint):
            raise DataError(
                f'{path} has the radii of another checkpoint than '
                f'{checkpoint}: {remedy}'
            )
        return found


def calibration_path(checkpoint: PathLike) -> Path:
    """File beside a checkpoint where its radii are expected."""
    path = Path(os.path.expanduser(os.fspath(checkpoint)))
    return path.with_suffix(_SUFFIX)


def hash_of(checkpoint: PathLike) -> str:
    """SHA-256 of a file."""
    path = Path(os.path.expanduser(os.fspath(checkpoint)))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Labelled(NamedTuple):
    """A predicted cephalogram and its labels."""

    result: PoseDataSample
    truth_px: np.ndarray  # (K, 2)
    valid: np.ndarray  # (K,)


class _Scores(NamedTuple):
    """Errors of N cephalograms, in mm or in pixels of unknown spacing."""

    errors: np.ndarray  # (N, K)
    spreads: np.ndarray  # (N, K), in the same unit
    radii: np.ndarray  # (N, K), in the same unit; NaN without calibration
    valid: np.ndarray  # (N, K)
    measurement_errors: np.ndarray  # (N, M), NaN where not available
    margins: np.ndarray  # (N, M)
    measurements: tuple[str, ...]  # M names


def calibrate_radii(
    inferencer: CephalometricInferencer,
    ann_file: PathLike,
    image_dir: PathLike | None = None,
    coverage: float = 0.95,
) -> RadiusCalibration:
    """Calibrate the radii of a model on labelled cephalograms.

    They must be others than those of the training, on which errors are
    smaller: those of the validation, 15 or more. How it is done:
    :func:`cape_mm.evaluation.functional.landmark_radii.radius_factors`. The
    inferencer uses the calibration from then on.

    Args:
        inferencer (CephalometricInferencer): Inferencer of the model.
        ann_file (str | Path): Annotation file of the cephalograms.
        image_dir (str | Path, optional): Folder of the images. Defaults to
            ``images`` beside the folder of the annotation file.
        coverage (float): Share of landmarks to be within their radius.
            Defaults to 0.95.

    Returns:
        RadiusCalibration: The calibration.

    Raises:
        DataError: If the cephalograms cannot be used, or are less than two.
    """
    inferencer.calibration = None
    labelled = _predict(inferencer, ann_file, image_dir)
    if len(labelled) < 2:
        raise DataError(
            f'{ann_file} has one cephalogram: radii need two, better 15'
        )
    scores = _score(inferencer, labelled)
    factors = radius_factors(
        scores.errors, scores.spreads, scores.valid, coverage
    )
    plain = RadiusCalibration(
        schema=inferencer.schema.name,
        factors=tuple(factors.tolist()),
        measurement_factor=1.0,
        coverage=coverage,
        num_cephalograms=len(labelled),
        ann_file=Path(ann_file).name,
        checkpoint_sha256=hash_of(inferencer.checkpoint),
    )
    inferencer.calibration = plain
    scores = _score(inferencer, labelled)
    ratios = scores.measurement_errors / scores.margins
    ratios = ratios[np.isfinite(ratios)]
    factor = conformal_quantile(ratios, coverage) if ratios.size else 1.0
    inferencer.calibration = replace(plain, measurement_factor=factor)
    return inferencer.calibration


def radius_coverage(
    inferencer: CephalometricInferencer,
    ann_file: PathLike,
    image_dir: PathLike | None = None,
) -> list[dict[str, Any]]:
    """Measure how many landmarks and measurements radii and margins cover.

    Args:
        inferencer (CephalometricInferencer): Inferencer with calibration.
        ann_file (str | Path): Annotation file of cephalograms that served
            neither the training nor the calibration.
        image_dir (str | Path, optional): See :func:`calibrate_radii`.

    Returns:
        list[dict[str, Any]]: Rows of all landmarks, each landmark, all
        measurements and each measurement: ``name``, ``N``, ``coverage`` in
        percent, ``mean_error`` and ``mean_radius`` (of a measurement: margin)
        in mm (pixels of unknown spacing), degrees, or, for all measurements,
        not given.
    """
    scored = _score(inferencer, _predict(inferencer, ann_file, image_dir))
    is_there = np.isfinite(scored.measurement_errors / scored.margins)

    def rows(title, names, errors, radii, valid):
        yield _row(title, errors, radii, valid)
        for index, name in enumerate(names):
            yield _row(name, *(a[:, index] for a in (errors, radii, valid)))

    landmarks = rows(
        'all landmarks',
        inferencer.schema.codes,
        *(scored.errors, scored.radii, scored.valid),
    )
    measurements = rows(
        'all measurements',
        scored.measurements,
        *(scored.measurement_errors, scored.margins, is_there),
    )
    table = [*landmarks, *(row for row in measurements if row['N'])]
    for row in table:
        if row['name'] == 'all measurements':  # of several units
            row.update(mean_error=None, mean_radius=None)
    return table


def _row(
    name: str, errors: np.ndarray, radii: np.ndarray, valid: np.ndarray
) -> dict[str, Any]:
    """Row of :func:`radius_coverage`."""
    if not valid.any():
        return dict(name=name, N=0)
    return dict(
        name=name,
        N=int(valid.sum()),
        coverage=100.0 * covered_share(errors, radii, valid),
        mean_error=float(errors[valid].mean()),
        mean_radius=float(radii[valid].mean()),
    )


def _predict(
    inferencer: CephalometricInferencer,
    ann_file: PathLike,
    image_dir: PathLike | None,
) -> list[_Labelled]:
    """Predict all cephalograms of an annotation file."""
    dataset = CephalometricDataset.from_file(
        ann_file, inferencer.schema.name, image_dir, test_mode=True
    )
    labelled = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        (result,) = inferencer(info['img_path'], spacing=info['spacing'])
        if 'keypoint_spreads' not in result.pred_instances:
            raise DataError(
                f'the model of {inferencer.checkpoint} gives no heatmaps, so '
                'there is no spread to calibrate'
            )
        valid = info['keypoints_visible'][0] > 0
        labelled.append(_Labelled(result, info['keypoints'][0], valid))
    return labelled


def _score(
    inferencer: CephalometricInferencer, labelled: Sequence[_Labelled]
) -> _Scores:
    """Measure predicted cephalograms, and compare them with their labels."""
    rows, names = [], ()
    for result, truth, valid in labelled:
        inferencer.measure(result)
        landmarks, spacing = result.pred_instances, result.spacing
        offsets = landmarks.keypoints[0] - truth
        offsets = offsets if spacing is None else offsets * spacing
        expected = measure(truth, valid, inferencer.schema, spacing)
        names, found = tuple(expected), result.measurements
        values = [  # None becomes NaN
            np.array([one[name].value for name in names], np.float64)
            for one in (found, expected)
        ]
        unknown = np.full((1, len(valid)), np.nan)
        rows.append(
            (
                np.linalg.norm(offsets, axis=-1),
                landmarks.keypoint_spreads[0],
                landmarks.get('keypoint_radii', unknown)[0],
                valid,
                np.abs(values[0] - values[1]),
                np.array([found[name].margin for name in names], np.float64),
            )
        )
    return _Scores(*map(np.stack, zip(*rows)), names)
