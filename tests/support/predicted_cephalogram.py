# Copyright (c) cape_mm contributors. All rights reserved.
"""A result of ``CephalometricInferencer`` for the golden face."""

from __future__ import annotations

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.structures import get_schema
from support.golden_face import place

SIZE = (160, 200)  # width, height


def make_predicted_cephalogram(
    spacing=(1.0, 1.0), notes=(), radii=None, **changes
):
    """The golden face at (40, 40) of a image; without ``changes`` complete.

    Args:
        spacing: Millimetres per pixel, or None.
        notes: Remarks.
        radii: 95 % radii (23,), or None.
        **changes: Landmark code -> confidence; the others have 0.9.
    """
    codes = get_schema('cephalogram23').codes
    face_mm, visible = place()
    points = face_mm + 40
    scores = np.array([changes.get(code, 0.9) for code in codes])
    result = PoseDataSample(
        metainfo=dict(
            img_path='cephalograms/face.png',
            ori_shape=SIZE[::-1],
            schema='cephalogram23',
            landmark_codes=codes,
            spacing=spacing if spacing is None else np.float32(spacing),
            spacing_source='unknown' if spacing is None else 'user',
            device='',
            notes=tuple(notes),
            mirrored=False,
            measurements=measure(
                points, visible, get_schema('cephalogram23'), spacing, radii
            ),
        )
    )
    result.pred_instances = InstanceData(
        keypoints=points[None].astype(np.float32),
        keypoint_scores=scores[None].astype(np.float32),
    )
    if spacing is not None:
        result.pred_instances.keypoints_mm = points[None] * spacing
    if radii is not None:
        result.pred_instances.keypoint_radii = np.array([radii])
    return result
