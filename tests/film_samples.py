# Copyright (c) cape_mm contributors. All rights reserved.
"""What MMEngine's evaluator hands to a metric of cephalometric films."""

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample


def make_film(
    truth,
    predicted,
    visible=None,
    number=1,
    spacing=(0.5, 0.5),
    box=(0, 0, 100, 200),
    scores=None,
    **info,
):
    """One film as a dictionary.

    Args:
        truth: (K, 2) pixels.
        predicted: (K, 2) pixels.
        visible: (K,); all by default.
        number: Id of the picture.
        spacing: Millimetres per pixel, None where unknown, or the text
            'absent' for a sample that says nothing about it.
        box: x1, y1, x2, y2.
        scores: (K,), none by default.
        **info: Such as the device.
    """
    truth = np.asarray(truth, dtype=np.float32)
    visible = np.ones(len(truth)) if visible is None else visible
    info.update(img_id=number, img_path=f'images/{number}.png')
    if spacing != 'absent':
        info['spacing'] = spacing and np.float32(spacing)
    sample = PoseDataSample(metainfo=info)
    sample.gt_instances = InstanceData(
        keypoints=truth[None],
        keypoints_visible=np.asarray(visible, dtype=np.float32)[None],
        bboxes=np.array([box], dtype=np.float32),
    )
    prediction = dict(keypoints=np.asarray(predicted, np.float32)[None])
    if scores is not None:
        prediction['keypoint_scores'] = np.asarray(scores, np.float32)[None]
    sample.pred_instances = InstanceData(**prediction)
    return sample.to_dict()


def evaluate_films(metric, films, schema='document19'):
    """Run a metric over films, two per batch."""
    metric.dataset_meta = dict(schema=schema)
    for start in range(0, len(films), 2):
        metric.process({}, films[start : start + 2])
    return metric.evaluate(len(films))
