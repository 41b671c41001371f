# Copyright (c) cape_mm contributors. All rights reserved.
"""What the metrics need of a cephalogram, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_mm.structures import LandmarkSchema, get_schema


# No tuple: MMEngine would make plain tuples of named ones.
@dataclass(frozen=True)
class CephalogramPrediction:
    """Landmarks of one cephalogram, in pixels of its image.

    Attributes:
        img_id (int | str): Id of the image.
        img_path (str): Its file.
        device (str): X-ray device, empty where unknown.
        predicted_px (np.ndarray): (K, 2) float64.
        truth_px (np.ndarray): (K, 2) float64; anything where not labelled.
        valid (np.ndarray): (K,) bool, True where labelled.
        scores (np.ndarray): (K,) float64 of the predictions; NaN if the model
            gives none.
        box_px (np.ndarray): (4,) float64 x1, y1, x2, y2.
        spacing (np.ndarray, optional): (2,) float64 millimetres per pixel
            along x and y; None where unknown.
        has_spacing_field (bool): Whether the data sample says anything about
            the spacing.
    """

    img_id: int | str | None
    img_path: str
    device: str
    predicted_px: np.ndarray
    truth_px: np.ndarray
    valid: np.ndarray
    scores: np.ndarray
    box_px: np.ndarray
    spacing: np.ndarray | None
    has_spacing_field: bool


def read_cephalogram(
    sample: dict, schema: LandmarkSchema
) -> CephalogramPrediction:
    """Read one data sample and check it.

    Args:
        sample (dict): ``PoseDataSample`` as a dictionary, with
            ``gt_instances`` and ``pred_instances`` of one instance each.
        schema (LandmarkSchema): Its landmarks.

    Returns:
        CephalogramPrediction: The cephalogram.

    Raises:
        ValueError: If there is no prediction, it is not finite, the number of
            landmarks is not that of the schema, or the spacing is wrong.
    """
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
    bad = ~np.isfinite(predicted_px[0]).all(axis=1)
    if bad.any():
        codes = ', '.join(np.array(schema.codes)[bad])
        raise ValueError(
            f'{where}: the prediction of {codes} is not finite. The weights '
            'or the input are not: look at the loss and at the learning rate'
        )
    valid = visible[0] > 0
    bad = valid & ~np.isfinite(truth_px[0]).all(axis=1)
    if bad.any():
        codes = ', '.join(np.array(schema.codes)[bad])
        raise ValueError(
            f'{where}: {codes} is labelled, but not finite; correct the '
            'annotation file'
        )
    scores = prediction.get('keypoint_scores')
    return CephalogramPrediction(
        img_id=_to_plain(sample.get('img_id')),
        img_path=str(sample.get('img_path', '')),
        device=str(sample.get('device') or ''),
        predicted_px=predicted_px[0],
        truth_px=truth_px[0],
        valid=valid,
        scores=np.full(count, np.nan)
        if scores is None
        else _to_array(scores)[0],
        box_px=_to_array(truth['bboxes'])[0],
        spacing=_read_spacing(sample, where),
        has_spacing_field='spacing' in sample,
    )


def schema_of(dataset_meta: dict | None) -> LandmarkSchema:
    """Schema of the dataset that is evaluated.

    Args:
        dataset_meta (dict, optional): Its ``metainfo``.

    Returns:
        LandmarkSchema: The schema.

    Raises:
        ValueError: If the dataset does not say.
    """
    if not dataset_meta or 'schema' not in dataset_meta:
        raise ValueError(
            "the dataset's metainfo has no 'schema': use "
            'cape_mm.CephalometricDataset, or put the name of a landmark '
            'schema there'
        )
    return get_schema(dataset_meta['schema'])


def _read_spacing(sample: dict, where: str) -> np.ndarray | None:
    spacing = sample.get('spacing')
    if spacing is None:
        return None
    spacing = _to_array(spacing)
    is_usable = np.isfinite(spacing).all() and (spacing > 0).all()
    if spacing.shape != (2,) or not is_usable:
        raise ValueError(
            f'{where}: the spacing is {spacing}; it must be two positive '
            'numbers, millimetres per pixel along x and y, or None'
        )
    return spacing


def _to_plain(value) -> int | str | None:
    """An id that JSON can hold."""
    return value.item() if hasattr(value, 'item') else value


def _to_array(value) -> np.ndarray:
    """Float64 array of an array or of a tensor on any device."""
    value = value.cpu() if hasattr(value, 'cpu') else value
    return np.asarray(value, dtype=np.float64)
