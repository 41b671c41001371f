# Copyright (c) cape_mm contributors. All rights reserved.
"""Predicted and true landmarks of cephalograms, one by one and as arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from cape_mm.errors import DataError, refuse_nonfinite
from cape_mm.structures import LandmarkSchema, get_schema

from ...functional import collapse
from ...functional.radial_error import landmark_offsets, radial_errors

# Distances of merged and of separate landmarks: millimetres, or shares of the
# box's longer side, which is 200 to 240 mm of a cephalogram.
_NEAR_MM, _APART_MM = 1.0, 4.0
_NEAR_BOX, _APART_BOX = 0.005, 0.02


# No tuple: MMEngine would make plain tuples of named ones.
@dataclass(frozen=True)
class CephalogramPrediction:
    """Landmarks of one cephalogram, in original pixels."""

    img_id: int | str | None
    img_path: str
    device: str  # empty where unknown
    predicted_px: np.ndarray  # (K, 2)
    truth_px: np.ndarray  # (K, 2), arbitrary where not valid
    valid: np.ndarray  # (K,)
    scores: np.ndarray  # (K,), NaN if the model gives none
    box_px: np.ndarray  # (4,) x1, y1, x2, y2
    spacing: np.ndarray | None  # (2,), mm per pixel along x and y
    has_spacing_field: bool  # the data sample has a spacing, None included


def read_scored(sample: dict, schema: LandmarkSchema) -> CephalogramPrediction:
    """Read one ``PoseDataSample``, as a dictionary, and check it."""
    where = (
        f'cephalogram {sample.get("img_id")} ({sample.get("img_path", "")})'
    )
    if 'pred_instances' not in sample:
        raise ValueError(
            f"{where} has no pred_instances: the model's predict must fill "
            'them'
        )
    truth, prediction = sample['gt_instances'], sample['pred_instances']
    count = len(schema)
    visible = _to_array(truth['keypoints_visible'])
    if visible.ndim == 3:  # MMPose keeps weights in the second place
        visible = visible[..., 0]
    truth_px = _to_array(truth['keypoints'])
    predicted_px = _to_array(prediction['keypoints'])
    for name, array in (('true', truth_px), ('predicted', predicted_px)):
        if array.shape != (1, count, 2):
            raise ValueError(
                f'{where}: the {name} landmarks have the shape {array.shape}, '
                f'schema {schema.name!r} needs (1, {count}, 2): one head with '
                'x and y of its landmarks'
            )
    refuse_nonfinite(where, schema.codes, predicted_px[0])
    valid = visible[0] > 0
    bad = valid & ~np.isfinite(truth_px[0]).all(axis=1)
    if bad.any():
        codes = ', '.join(np.array(schema.codes)[bad])
        raise ValueError(
            f'{where}: {codes} is labelled, but not finite; correct the '
            'annotation file'
        )
    scores, img_id = prediction.get('keypoint_scores'), sample.get('img_id')
    if scores is None:
        scores = np.full((1, count), np.nan)
    return CephalogramPrediction(
        img_id=img_id.item() if hasattr(img_id, 'item') else img_id,
        img_path=str(sample.get('img_path', '')),
        device=str(sample.get('device') or ''),
        predicted_px=predicted_px[0],
        truth_px=truth_px[0],
        valid=valid,
        scores=_to_array(scores)[0],
        box_px=_to_array(truth['bboxes'])[0],
        spacing=_read_spacing(sample, where),
        has_spacing_field='spacing' in sample,
    )


def _read_spacing(sample: dict, where: str) -> np.ndarray | None:
    """Checked spacing of a data sample, (2,)."""
    if sample.get('spacing') is None:
        return None
    spacing = _to_array(sample['spacing'])
    if spacing.shape != (2,) or not ((spacing > 0) & (spacing < np.inf)).all():
        raise ValueError(
            f'{where}: the spacing is {spacing}; it must be two positive '
            'numbers, millimetres per pixel along x and y, or None'
        )
    return spacing


def _to_array(value) -> np.ndarray:
    """Float64 array of an array or of a tensor on any device."""
    value = value.cpu() if hasattr(value, 'cpu') else value
    return np.asarray(value, dtype=np.float64)


def schema_of(dataset_meta: dict | None) -> LandmarkSchema:
    """Landmark schema that the metainfo of the dataset names."""
    if not dataset_meta or 'schema' not in dataset_meta:
        raise ValueError(
            "the dataset's metainfo has no 'schema': use "
            'cape_mm.CephalometricDataset, or put the name of a landmark '
            'schema there'
        )
    return get_schema(dataset_meta['schema'])


class CephalogramSet:
    """Arrays of N cephalograms: (N, K, 2) landmarks, (N, K) valid, scores."""

    def __init__(self, cephalograms: Sequence[CephalogramPrediction]) -> None:
        self.cephalograms = cephalograms
        self.predicted_px = np.stack([c.predicted_px for c in cephalograms])
        self.valid = np.stack([c.valid for c in cephalograms])
        truth = np.stack([c.truth_px for c in cephalograms])
        self.truth_px = np.where(self.valid[..., None], truth, 0.0)
        self.scores = np.stack([c.scores for c in cephalograms])
        self.boxes_px = np.stack([c.box_px for c in cephalograms])
        self.predicted_box, self.truth_box = (
            collapse.to_box(points, self.boxes_px)
            for points in (self.predicted_px, self.truth_px)
        )
        self.without_spacing = [c for c in cephalograms if c.spacing is None]
        unknown = np.full(2, np.nan)
        self.spacings = np.stack(
            [unknown if c.spacing is None else c.spacing for c in cephalograms]
        )

    def __len__(self) -> int:
        return len(self.cephalograms)

    @property
    def units(self) -> list[str]:
        """``'px'``, and ``'mm'`` if all spacings are known."""
        return ['px'] if self.without_spacing else ['px', 'mm']

    def offsets(self, unit: str) -> np.ndarray:
        """Predicted minus true positions (N, K, 2) in ``'px'`` or ``'mm'``."""
        spacing = self.spacings if unit == 'mm' else None
        return landmark_offsets(self.predicted_px, self.truth_px, spacing)

    def errors(self, unit: str) -> np.ndarray:
        """Radial errors (N, K) in ``'px'`` or ``'mm'``."""
        return radial_errors(self.offsets(unit))

    def collapse_statistics(self, shape: np.ndarray | None) -> dict:
        """Statistics of collapse; shape (K, 2) in the frame of ``to_box``."""
        boxed = self.predicted_box, self.truth_box, self.valid
        if shape is None:
            shape = collapse.mean_shape(*boxed[1:])
        points, limits = boxed[:2], (_NEAR_BOX, _APART_BOX)
        if not self.without_spacing:
            scale = self.spacings[:, None]
            points = self.predicted_px * scale, self.truth_px * scale
            limits = _NEAR_MM, _APART_MM
        varies = ~np.isnan(self.landmark_spreads())
        statistics = dict(
            spread_ratio=collapse.spread_ratio(*boxed),
            corr=collapse.correlation(*boxed),
            skill=collapse.skill(*boxed, shape),
            spread_in_image=collapse.spread_in_image(*boxed),
            merged_pairs=collapse.merged_pairs(*points, self.valid, *limits),
            edge_share=collapse.edge_share(
                self.predicted_px, self.valid, self.boxes_px
            ),
            mode_share=collapse.mode_share(boxed[0], self.valid & varies),
        )
        if not np.isnan(self.scores).all():
            statistics['peak'] = collapse.peak(self.scores, self.valid)
        return statistics

    def landmark_spreads(self) -> np.ndarray:
        """Spread ratio (K,) of each landmark; NaN if it does not vary."""
        return collapse.landmark_spread_ratios(
            self.predicted_box, self.truth_box, self.valid
        )


def load_training_shape(path: str, schema: LandmarkSchema) -> np.ndarray:
    """Mean shape (K, 2) of an annotation file, NaN if never labelled."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'train_ann_file {path} does not exist: give the annotation file '
            'of the training data, relative to the working directory, or None '
            'for the mean shape of the cephalograms that are evaluated'
        )
    content = json.loads(Path(path).read_text('utf-8'))
    annotations = content['annotations']
    if not annotations:
        raise DataError(f'{path} has no annotation, so there is no mean')
    names = content['categories'][0]['keypoints']
    theirs = get_schema(content.get('info', {}).get('schema', schema.name))
    places = {
        code: names.index(name)
        for code, name in zip(theirs.codes, theirs.names)
        if name in names
    }
    missing = [code for code in schema.codes if code not in places]
    if missing:
        raise DataError(
            f'train_ann_file {path} lacks {", ".join(missing)} of schema '
            f'{schema.name!r}: give the annotation file of the training data'
        )
    order = [places[code] for code in schema.codes]
    points = np.array([entry['keypoints'] for entry in annotations], float)
    points = points.reshape(len(points), -1, 3)[:, order]
    sizes = {e['id']: (e['width'], e['height']) for e in content['images']}
    limits = np.array([sizes[e['image_id']] for e in annotations]) - 1
    boxes = np.array([entry['bbox'] for entry in annotations], float)
    boxes[:, 2:] += boxes[:, :2]
    # Clipped as MMPose clips the boxes of the evaluated cephalograms.
    boxes = np.clip(boxes, 0, np.tile(limits, 2))
    keypoints = collapse.to_box(points[..., :2], boxes)
    return collapse.mean_shape(keypoints, points[..., 2] > 0)
