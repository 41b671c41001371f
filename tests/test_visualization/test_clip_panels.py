# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from support.clip_samples import PLAIN, track_id, write_videos

from cape_mm.registry import DATASETS
from cape_mm.visualization.clip_panels import draw_clip
from cape_mm.visualization.track_colors import track_colors


def test_a_colour_belongs_to_an_identity():
    colors = track_colors([4, 0, 4, 9])
    assert colors.dtype == np.uint8 and colors.shape == (4, 3)
    assert np.array_equal(colors[0], colors[2])
    assert np.array_equal(track_colors([0])[0], colors[1])
    many = track_colors(range(40))
    assert len({tuple(color) for color in many.tolist()}) == 40
    near = [np.abs(a - b).sum() for a, b in zip(many[:-1] * 1.0, many[1:])]
    assert min(near) > 100


def test_unknown_identities_are_grey():
    assert track_colors([-1]).tolist() == [[160, 160, 160]]
    assert track_colors([]).shape == (0, 3)


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
    image = draw_clip(item, skeleton, size=256)
    colors = track_colors([track_id(number) for number in range(3)])
    places = []
    for color in colors:
        hits = (image == color).all(axis=-1)
        assert hits.any()
        # columns of the first panel only
        places.append(np.nonzero(hits)[1].min())
    assert places == sorted(places)
