# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData
from support.clip_samples import PLAIN, track_id, write_videos

from cape_mm.registry import DATASETS
from cape_mm.visualization import model_inputs
from cape_mm.visualization.drawing import keypoint_colors, track_colors


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
    rgb = model_inputs.input_to_rgb(image, 128)
    assert rgb.shape == (64, 128, 3)
    assert rgb[5, 5].tolist() == [0, 0, 200]


def test_only_valid_labels_are_drawn_where_they_are(make_episode, monkeypatch):
    panels = []
    monkeypatch.setattr(
        model_inputs,
        'join_panels',
        lambda found, title: panels.extend(found) or title,
    )
    title = model_inputs.draw_episode_input(make_item(make_episode), 128)
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


def test_each_person_is_drawn_in_its_colour_where_it_is(tmp_path):
    dataset = DATASETS.build(
        dict(
            write_videos(tmp_path, (3,), unlabelled=[2]),
            pipeline=PLAIN,
            num_windows=1,
        )
    )
    item = dataset[0]
    item['inputs'][:] = 255
    skeleton = dataset.metainfo['skeleton_links']
    image = model_inputs.draw_clip_input(item, skeleton, size=256)
    colors = track_colors([track_id(number) for number in range(3)])
    places = []
    for color in colors:
        hits = (image == color).all(axis=-1)
        assert hits.any()
        # columns of the first panel only
        places.append(np.nonzero(hits)[1].min())
    assert places == sorted(places)
