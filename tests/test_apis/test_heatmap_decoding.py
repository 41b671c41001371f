# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS

from cape_mm.apis.heatmap_decoding import decode_heatmaps

SIZE = dict(input_size=(128, 160), heatmap_size=(64, 80))


@pytest.mark.parametrize(
    'codec',
    [
        dict(type='UDPHeatmap', sigma=1.5, blur_kernel_size=7, **SIZE),
        dict(type='MSRAHeatmap', sigma=2.0, unbiased=True, **SIZE),
    ],
    ids=lambda codec: codec['type'],
)
def test_landmarks_of_a_image_are_found_again(codec):
    """Through box, affine and targets, and back: at most a tenth of a cell."""
    truth_px = np.random.default_rng(0).uniform(40, 260, (1, 23, 2))
    item = dict(
        img=np.zeros((400, 300, 3), np.uint8),
        bbox=np.float32([[0, 0, 299, 399]]),
        keypoints=truth_px.astype(np.float32),
        keypoints_visible=np.ones((1, 23), np.float32),
    )
    use_udp = codec['type'] == 'UDPHeatmap'
    with DefaultScope.overwrite_default_scope('mmpose'):
        codec = KEYPOINT_CODECS.build(codec)
        for step in (
            dict(type='GetBBoxCenterScale', padding=1.0),
            dict(type='TopdownAffine', input_size=(128, 160), use_udp=use_udp),
        ):
            item = TRANSFORMS.build(step)(item)
    maps = codec.encode(item['transformed_keypoints'])['heatmaps']
    points, scores = decode_heatmaps(
        maps, codec, item['input_center'], item['input_scale']
    )
    cell_px = 399 / 80
    assert points.shape == (23, 2) and scores.shape == (23,)
    assert np.abs(points - truth_px[0]).max() < 0.1 * cell_px
    assert scores.min() > 0.8
