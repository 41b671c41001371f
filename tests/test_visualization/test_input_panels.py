# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData

from cape_mm.visualization import input_panels
from cape_mm.visualization.pose_panel import keypoint_colors


def make_item(make_episode, weights=(1, 1, 0)):
    episode = make_episode(queries=2)
    for member in (*episode.supports, *episode.queries):
        member.set_metainfo(dict(input_size=(64, 32)))
        member.gt_instance_labels = InstanceData(
            keypoint_labels=torch.tensor(
                [[[0.25, 0.25], [0.75, 0.5], [0.5, 0.75]]]
            ),
            keypoint_weights=torch.tensor([weights], dtype=torch.float32),
        )
    blue = torch.zeros(3, 32, 64, dtype=torch.uint8)
    blue[0] = 200
    return dict(
        inputs=dict(support=blue[None], query=blue[None].repeat(2, 1, 1, 1)),
        data_samples=episode,
    )


def test_inputs_are_bgr(make_episode):
    image = make_item(make_episode)['inputs']['support'][0]
    rgb = input_panels.input_to_rgb(image, 128)
    assert rgb.shape == (64, 128, 3)
    assert rgb[5, 5].tolist() == [0, 0, 200]


def test_only_valid_labels_are_drawn_where_they_are(make_episode, monkeypatch):
    panels = []
    monkeypatch.setattr(
        input_panels,
        'join_panels',
        lambda found, title: panels.extend(found) or title,
    )
    title = input_panels.draw_item(make_item(make_episode), 128)
    assert 'snail (7)' in title and 'episode 0' in title
    assert [caption for caption, _ in panels] == [
        'support 1: 2 of 3',
        'query 1: 2 of 3',
        'query 2: 2 of 3',
    ]
    colors = keypoint_colors(3).astype(int)
    for _, panel in panels:
        # (0.25, 0.25) of 128 x 64
        assert np.abs(panel[16, 32] - colors[0]).max() < 30
        assert np.abs(panel[32, 96] - colors[1]).max() < 30
        assert panel[48, 64].tolist() == [0, 0, 200]
