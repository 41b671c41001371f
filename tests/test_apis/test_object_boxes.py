# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from support.toy_episode import make_toy_episode

from cape_mm.apis.object_boxes import (
    box_around_object,
    expected_scale,
    mean_score,
    search_object,
    search_windows,
)


@pytest.fixture
def episode(tmp_path):
    """Keypoints from (60, 30) to (120, 90) in a box from (50, 20), 80 wide."""

    def make(points, scores, **options):
        episode = make_toy_episode(tmp_path, **options)
        query = episode.queries[0]
        for member in (query, *episode.supports):
            member.set_metainfo(dict(ori_shape=(120, 200)))
        query.pred_instances.keypoints = np.array([points], np.float32)
        query.pred_instances.keypoint_scores = np.array([scores], np.float32)
        return query, episode.supports

    return make


HALF = [[100, 50], [130, 50], [115, 80]]


def test_the_margin_is_that_of_the_support(episode):
    query, supports = episode(HALF, [0.9, 0.8, 0.9], shots=2)
    np.testing.assert_allclose(
        box_around_object(query, supports), [95, 45, 135, 85]
    )


def test_uncertain_keypoints_have_no_say(episode):
    points = [*HALF[:2], [10, 110]]
    query, supports = episode(points, [0.9, 0.8, 0.1])
    # those two are 60 apart in the support, up to 70 from its border
    np.testing.assert_allclose(
        box_around_object(query, supports), [65, 15, 165, 85]
    )


def test_the_box_stays_in_the_image(episode):
    query, supports = episode(np.add(HALF, [65, 38]), [0.9, 0.8, 0.9])
    box = box_around_object(query, supports)
    assert box[2:].tolist() == [199, 119]


@pytest.mark.parametrize(
    'points, scores',
    [
        (HALF, [0, 0, 0]),
        (HALF, [0.9, 0.1, 0.1]),
        ([[5, 5]] * 3, [0.9, 0.9, 0.9]),
        ([[np.nan, 5]] * 3, [0.9, 0.9, 0.9]),
    ],
)
def test_there_may_be_no_object(points, scores, episode):
    query, supports = episode(points, scores)
    assert box_around_object(query, supports) is None
    assert np.isnan(expected_scale(query, supports))


def test_the_scale_is_relative_to_the_supports(episode):
    query, supports = episode(HALF, [0.9, 0.8, 0.9])
    assert expected_scale(query, supports) == pytest.approx(0.5)
    query.gt_instances.bboxes = np.array([[95.0, 45, 135, 85]])
    assert expected_scale(query, supports) == pytest.approx(1)


def test_a_whole_image_is_no_tight_box(episode):
    points = [[2, 2], [190, 10], [100, 110]]
    query, supports = episode(points, [0.9, 0.8, 0.9])
    query.gt_instances.bboxes = np.array([[0.0, 0, 199, 119]])
    # the box of the support is 80 of 199 pixels wide
    assert expected_scale(query, supports) == pytest.approx(80 / 199)
    query, supports = episode([[5, 5]] * 3, [0.9, 0.9, 0.9])
    query.gt_instances.bboxes = np.array([[0.0, 0, 199, 119]])
    assert expected_scale(query, supports) == pytest.approx(80 / 199)


def test_keypoints_that_no_support_has_do_not_count(episode):
    query, _ = episode(HALF, [0.9, 0.7, 0])
    assert mean_score(query) == pytest.approx(0.8)
    query, _ = episode(HALF, [0, 0, 0])
    assert mean_score(query) == 0


@pytest.mark.parametrize(
    'size, counts', [((121, 121), (9, 25)), ((121, 61), (3, 10))]
)
def test_windows_overlap_by_half(size, counts):
    boxes = search_windows(size)
    assert boxes[0].tolist() == [0, 0, size[0] - 1, size[1] - 1]
    assert len(boxes) == 1 + sum(counts)
    sides = boxes[:, 2:] - boxes[:, :2]
    assert [(sides.max(1) == side).sum() for side in (60, 40)] == [*counts]
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= np.array(size) - 1).all()
    starts = np.unique(boxes[1 : counts[0] + 1, 0])
    assert (np.diff(starts) <= 30).all()


def test_an_image_of_one_pixel_has_windows():
    boxes = search_windows((1, 1))
    assert np.isfinite(boxes).all() and not boxes.any()


class TestSearch:
    """An object is at (100, 50) to (130, 80), the best box is [95, ...]."""

    @pytest.fixture
    def predict(self, episode):
        def make(boxes):
            results = []
            for box in boxes:
                size = max(box[2] - box[0], box[3] - box[1])
                has_object = (box[:2] <= [100, 50]).all()
                has_object &= (box[2:] >= [130, 80]).all()
                score = 0.9 - size / 400 if has_object else 0.1
                query, supports = episode(HALF, [score] * 3)
                query.gt_instances.bboxes = np.array([box], np.float64)
                results.append(query)
            made.append(np.array(boxes))
            return SimpleNamespace(queries=results, supports=supports)

        made = make.boxes = []
        return make

    def test_ends_around_the_keypoints_of_the_best_box(self, predict):
        box = search_object((200, 120), predict)
        np.testing.assert_allclose(box, [95, 45, 135, 85])
        assert sum(map(len, predict.boxes)) > 20

    def test_proposed_boxes_replace_windows(self, predict):
        proposed = np.array([[90.0, 40, 150, 100], [0, 0, 50, 50]])
        box = search_object((200, 120), predict, lambda: proposed)
        np.testing.assert_allclose(box, [95, 45, 135, 85])
        np.testing.assert_allclose(
            predict.boxes[0], [[0, 0, 199, 119], *proposed]
        )

    def test_a_worse_closer_box_is_not_taken(self, predict):
        whole = np.empty((0, 4))

        def only_whole(boxes):
            result = predict(boxes)
            if len(boxes[0]) and boxes[0][0] > 0:
                for query in result.queries:
                    query.pred_instances.keypoint_scores[:] = 0.01
            return result

        box = search_object((200, 120), only_whole, lambda: whole)
        assert box.tolist() == [0, 0, 199, 119]
