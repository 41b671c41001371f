# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_aligned import write_config

from cape_mm.apis import read_request
from cape_mm.apis.fitting_candidates import build_unfitted
from cape_mm.apis.labelled_instances import LabelledInstances
from cape_mm.datasets.synthetic import write_creatures

pytest.importorskip('timm')


@pytest.fixture(scope='module')
def request_of_creatures(tmp_path_factory):
    root = tmp_path_factory.mktemp('creatures')
    write_creatures(root, train=(1, 2), val=(1, 2), test=(1, 4), image_size=96)
    file = root / 'annotations' / 'mp100_split1_test.json'
    return root, read_request(str(file))


@pytest.fixture
def members(request_of_creatures):
    _, request = request_of_creatures
    return request.supports + request.queries


@pytest.fixture
def instances(request_of_creatures, members, tmp_path):
    root, request = request_of_creatures
    config = write_config(tmp_path, root)
    num_keypoints = len(request.keypoint_names)
    cfg, model = build_unfitted(config, num_keypoints, 0, 'cpu')
    return LabelledInstances(request, members, model, cfg)


def test_labels_are_the_keypoints_in_original_pixels(instances, members):
    found = instances.to_original(instances.labels.points)
    for points, valid, member in zip(found, instances.labels.valid, members):
        expected = np.array(member.keypoints)[valid, :2]
        np.testing.assert_allclose(points[valid], expected, atol=0.01)


def test_labels_have_no_error(instances):
    scores = instances.score(instances.labels.points[[2, 0]], [2, 0])
    assert scores == {'PCK': 100, 'PCK@0.1': 100, 'PCK@0.05': 100, 'error': 0}


def test_scores_are_shares_of_the_longer_side_of_the_box(instances, members):
    x1, y1, x2, y2 = members[0].box
    shift = instances.to_original(instances.labels.points + 0.05)
    shift = shift - instances.to_original(instances.labels.points)
    expected = np.linalg.norm(shift[0, 0]) / max(x2 - x1, y2 - y1)
    scores = instances.score(instances.labels.points[:1] + 0.05, [0])
    assert scores['error'] == pytest.approx(expected, rel=1e-4)
    assert scores['PCK'] == 100 and scores['PCK@0.05'] == 0
    means = instances.mean_errors(instances.labels.points[:1] + 0.05, [0])
    assert means == pytest.approx([expected], rel=1e-4)


def test_unlabelled_keypoints_are_not_scored(instances):
    instances.labels.valid[0, 1:] = False
    points = instances.labels.points[:1] + torch.tensor(0.5)
    points[0, 0] = instances.labels.points[0, 0]
    assert instances.score(points, [0])['error'] == 0


def test_a_copy_onto_itself_is_within_a_pixel_of_the_labels(instances):
    copied = instances.copy([1, 0], [0, 1, 2])
    assert copied.shape[:2] == (2, 3)
    difference = (copied[1, 0] - instances.labels.points[0]).abs()
    assert difference[instances.labels.valid[0]].max() < 1 / 96


def test_supports_are_of_other_images_than_the_query(instances, monkeypatch):
    instances.images[1] = instances.images[0]
    used = []
    original = instances._match

    def match(supports, queries):
        used.append((supports, queries))
        return original(supports, queries)

    monkeypatch.setattr(instances, '_match', match)
    points, scores = instances.match(range(4), 2, [0, 1, 3])
    assert used == [([2, 3], [0, 1]), ([0, 1], [3])]
    assert points.shape[:2] == scores.shape[:2] == (3, points.shape[1])
