# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.transforms import ShuffleTrackIds


def make_results(seed):
    frames = [
        dict(instances=dict(track_ids=np.array([4, -1, 7, 9])))
        for _ in range(20)
    ]
    return dict(frames=frames, rng=np.random.default_rng(seed))


def shuffled(seed):
    results = ShuffleTrackIds().transform(make_results(seed))
    return np.stack([f['instances']['track_ids'] for f in results['frames']])


def test_known_identities_are_exchanged_frame_by_frame():
    ids = shuffled(0)
    assert (ids[:, 1] == -1).all()
    assert (np.sort(ids[:, [0, 2, 3]], axis=1) == [4, 7, 9]).all()
    assert len(np.unique(ids, axis=0)) > 2
    assert (ids == shuffled(0)).all()
    assert (ids != shuffled(1)).any()


def test_the_data_set_keeps_its_own():
    results = make_results(0)
    given = [frame['instances'] for frame in results['frames']]
    ShuffleTrackIds().transform(results)
    assert all((x['track_ids'] == [4, -1, 7, 9]).all() for x in given)
