# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.evaluation.metrics import episode_pck
from cape_mm.evaluation.metrics.cephalometric import (
    cephalometric_measurement_metric,
    cephalometric_metric,
)
from cape_mm.structures import EpisodeDataSample


def make_member(truth, visible, bbox, **predictions):
    """One support or query; predictions by name of their field."""
    member = PoseDataSample(metainfo=dict(id=7, img_path='a/b.jpg'))
    member.gt_instances = InstanceData(
        keypoints=np.array([truth], dtype=np.float32),
        keypoints_visible=np.array([visible], dtype=np.float32),
        bboxes=np.array([bbox], dtype=np.float32),
    )
    for name, keypoints in predictions.items():
        instances = InstanceData(
            keypoints=np.array([keypoints], dtype=np.float32),
            keypoint_scores=np.ones((1, len(keypoints)), dtype=np.float32),
        )
        # Not every field is a property of PoseDataSample.
        if name == 'pred_instances':
            member.pred_instances = instances
        else:
            member.set_field(instances, name)
    return member


@pytest.fixture
def make_episode():
    """Make what MMEngine's evaluator hands to a metric.

    Each query is the errors of its keypoints in pixels, or a dict of these
    by the name of the prediction.
    """

    def make(
        queries,
        visible=None,
        support_visible=None,
        bbox=(0, 0, 100, 60),
        category_id=1,
        scale=1.0,
        supercategory='',
        number=0,
    ):
        count = len(
            queries[0]['pred_instances']
            if isinstance(queries[0], dict)
            else queries[0]
        )
        visible = visible or [[1] * count] * len(queries)
        truth = np.stack([np.arange(count) * 5.0 + 7, np.full(count, 9.0)], 1)
        sample = EpisodeDataSample(
            metainfo=dict(
                episode=(0, 0, number),
                category_id=category_id,
                category_name='beast',
                supercategory=supercategory,
            )
        )
        sample.supports = [
            make_member(truth, labelled, (0, 0, 10, 10))
            for labelled in (support_visible or [[1] * count])
        ]
        members = []
        for errors, labelled in zip(queries, visible):
            if not isinstance(errors, dict):
                errors = dict(pred_instances=errors)
            predictions = {
                name: scale * (truth + np.outer(values, [0.6, 0.8]))
                for name, values in errors.items()
            }
            members.append(
                make_member(
                    scale * truth,
                    labelled,
                    scale * np.array(bbox),
                    **predictions,
                )
            )
        sample.queries = members
        return sample.to_dict()

    return make


@pytest.fixture
def evaluate():
    """Run a metric over batches of one episode."""

    def run(metric, *episodes):
        for episode in episodes:
            metric.process({}, [episode])
        return metric.evaluate(len(episodes))

    return run


@pytest.fixture
def logged(monkeypatch):
    lines = []

    def collect(text, logger=None, level=logging.INFO):
        lines.append((level, text))

    monkeypatch.setattr(episode_pck, 'print_log', collect)
    return lines


@pytest.fixture
def cephalogram_log(monkeypatch):
    """Level and text of messages of the metrics of cephalograms."""
    lines = []

    def collect(text, logger=None, level=logging.INFO):
        lines.append((level, text))

    for module in (
        cephalometric_measurement_metric,
        cephalometric_metric,
    ):
        monkeypatch.setattr(module, 'print_log', collect)
    return lines
