# Copyright (c) cape_mm contributors. All rights reserved.
"""What MMEngine's evaluator hands to a metric of cephalograms."""

from __future__ import annotations

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

#: (19, 2) pixels, of schema document19.
TRUTH = np.stack([np.arange(19) * 4.0 + 10, np.arange(19) * 9.0 + 12], 1)


def make_cephalogram(
    truth,
    predicted,
    visible=None,
    number=1,
    spacing=(0.5, 0.5),
    box=(0, 0, 100, 200),
    scores=None,
    **info,
):
    """One cephalogram as a dictionary.

    Args:
        truth: (K, 2) pixels.
        predicted: (K, 2) pixels.
        visible: (K,); all by default.
        number: Id of the image.
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


def error_cephalogram(errors, number=1, **options):
    """A cephalogram with given errors in pixels along (0.6, 0.8)."""
    errors = np.broadcast_to(np.asarray(errors, float), 19)
    predicted = TRUTH + np.outer(errors, [0.6, 0.8])
    return make_cephalogram(TRUTH, predicted, number=number, **options)


def random_cephalograms(count=6, seed=0, **options):
    """Cephalograms that differ, with random errors."""
    rng = np.random.default_rng(seed)
    cephalograms = []
    for number in range(count):
        truth = TRUTH + rng.normal(0, 3, 2) + rng.normal(0, 2, (19, 2))
        predicted = truth + rng.normal(0, 2, (19, 2))
        cephalograms.append(
            make_cephalogram(truth, predicted, number=number, **options)
        )
    return cephalograms


def evaluate_cephalograms(metric, cephalograms, schema='document19'):
    """Run a metric over cephalograms, two per batch."""
    metric.dataset_meta = dict(schema=schema)
    for start in range(0, len(cephalograms), 2):
        metric.process({}, cephalograms[start : start + 2])
    return metric.evaluate(len(cephalograms))
