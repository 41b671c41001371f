# Copyright (c) cape_mm contributors. All rights reserved.
"""From file to metric: one frame, whatever the size of the image.

The metric of an earlier system compared predictions in pixels of the crop
with boxes in pixels of the image; each part alone looked right.
"""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from cape_mm.datasets.datasets import SingleImageEpisodeDataset
from cape_mm.evaluation.metrics import EpisodePCK
from cape_mm.models.pose_estimators import CapeEstimator
from cape_mm.structures import EpisodeBatch

SIZE = (96, 64)
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=SIZE),
    dict(
        type='GenerateTarget',
        encoder=dict(type='cape_mm.NormalizedLabel', input_size=SIZE),
    ),
    dict(type='PackPoseInputs'),
]
KEYPOINTS = np.array([[50, 60], [90, 70], [70, 110], [120, 64]], np.float32)


@pytest.fixture
def make_episode(tmp_path):
    """An episode whose image and annotation are scaled together."""

    def make(scale):
        root = tmp_path / f'scaled_{scale}'
        (root / 'images').mkdir(parents=True)
        (root / 'annotations').mkdir()
        width, height = int(200 * scale), int(160 * scale)
        image = np.zeros((height, width, 3), np.uint8)
        cv2.imwrite(str(root / 'images' / 'a.png'), image)
        visible = np.full((4, 1), 2)
        points = np.hstack([KEYPOINTS * scale, visible])
        # one pixel is lost when the box is cleaned
        box = [40 * scale, 50 * scale, 90 * scale + 1, 70 * scale + 1]
        content = dict(
            images=[dict(id=1, file_name='a.png', width=width, height=height)],
            annotations=[
                dict(
                    id=1,
                    image_id=1,
                    category_id=1,
                    bbox=box,
                    keypoints=points.flatten().tolist(),
                    area=box[2] * box[3],
                )
            ],
            categories=[
                dict(id=1, name='thing', keypoints=list('abcd'), skeleton=[])
            ],
        )
        (root / 'annotations' / 'a.json').write_text(json.dumps(content))
        dataset = SingleImageEpisodeDataset(
            dataset=dict(
                type='cape_mm.MP100Dataset',
                data_root=str(root),
                ann_file='annotations/a.json',
            ),
            pipeline=PIPELINE,
            category_id=1,
        )
        return dataset[0]['data_samples']

    return make


def predict(episode, shift):
    """Let a model answer with the labels, ``shift`` box sides to the right."""
    batch = EpisodeBatch.from_data_samples([episode])
    query = episode.queries[0]
    side = 90 / 200 * query.ori_shape[1]
    points = batch.query_points.clone()
    points[..., 0] += shift * side / float(query.input_scale[0])
    scores = torch.ones(points.shape[:3])
    CapeEstimator._attach([episode], 'pred_instances', (points, scores))
    return episode


@pytest.mark.parametrize('scale', [1, 0.5, 4])
def test_labels_map_back_to_the_annotation(make_episode, scale):
    episode = predict(make_episode(scale), shift=0)
    found = episode.queries[0].pred_instances.keypoints[0]
    np.testing.assert_allclose(found, KEYPOINTS * scale, atol=1e-3)


@pytest.mark.parametrize('scale', [1, 0.5, 4])
@pytest.mark.parametrize('shift, expected', [(0.19, 1.0), (0.21, 0.0)])
def test_threshold_is_the_same_share_of_the_box_at_every_size(
    make_episode, scale, shift, expected
):
    metric = EpisodePCK()
    metric.process({}, [predict(make_episode(scale), shift).to_dict()])
    assert metric.compute_metrics(metric.results)['PCK'] == expected
