# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools.repairs import (
    repair_binary_flags,
    repair_box,
    repair_flags,
    repair_keypoints,
    to_number,
)

SIZE = (40, 30)


@pytest.mark.parametrize(
    ('flags', 'expected', 'kinds'),
    [
        ([0, 1, 2], [0, 1, 2], {}),
        ([math.nan, math.inf, 2], [0, 0, 2], {}),
        ([-1, 1.4, 7], [0, 1, 2], dict(bad_flag=3)),
        ([0, 0.25, 1], [0, 2, 2], dict(flag_scores=1)),
        ([0, 0.25, 2], [0, 0, 2], dict(bad_flag=1)),
    ],
)
def test_flags_become_0_1_or_2(report, flags, expected, kinds):
    given = np.array(flags, float)
    found, scores = repair_flags(given, 'mug', report)
    assert found.tolist() == expected
    assert dict(report.counts) == kinds
    assert (scores is not None) == ('flag_scores' in kinds)
    assert scores is None or scores.tolist() == flags
    np.testing.assert_array_equal(given, flags)


@pytest.mark.parametrize(
    ('flags', 'factor'), [([[0, 1], [1, 1]], 2), ([[0, 1], [2, 0]], 1)]
)
def test_1_means_visible_in_a_category_without_2(report, flags, factor):
    flags = np.array(flags, float)
    found = repair_binary_flags([*flags], 'mug', report)
    np.testing.assert_array_equal(found, factor * flags)
    assert report.counts['binary_flags'] == factor - 1


def test_a_category_without_labels_has_no_flags_to_repair(report):
    assert not repair_binary_flags([np.zeros(2)], 'mug', report)[0].any()
    assert not report


def test_keypoints_with_bad_coordinates_are_unlabelled(report):
    keypoints = np.array(
        [
            *([5, 6, 2], [math.nan, 6, 2], [math.inf, 6, 0]),
            *([40.5, 6, 1], [40, 30, 1], [-1, -1, 2], [9, 9, 0]),
        ]
    )
    found = repair_keypoints(keypoints, SIZE, 'abcdefg', 'mug', report)
    expected = np.zeros((7, 3))
    expected[[0, 4, 5]] = keypoints[[0, 4, 5]]  # a pixel out is rounding
    np.testing.assert_array_equal(found, expected)
    assert dict(report.counts) == dict(not_a_number=1, outside=1)
    assert report.examples['outside'] == ['mug d at [40.5, 6.0]']


@pytest.mark.parametrize(
    ('box', 'expected', 'made'),
    [
        ([2, 3, 30, 25], [2, 3, 30, 25], 0),
        ([-5, 3, 99, 25], [0, 3, 40, 25], 0),
        ([5, 5, 5, 5], [9, 9, 21, 21], 1),
        ([math.nan, 3, 30, 25], [9, 9, 21, 21], 1),
        (None, [9, 9, 21, 21], 1),
    ],
)
def test_a_box_is_clipped_or_made_from_the_keypoints(
    report, box, expected, made
):
    box = box if box is None else np.array(box, float)
    keypoints = np.array([[10.0, 10, 2], [20, 20, 1], [0, 0, 0]])
    found = repair_box(box, keypoints, SIZE, 'mug', report)
    assert found.tolist() == expected
    assert report.counts['box_made'] == made


def test_a_box_around_one_keypoint_is_the_whole_image(report):
    keypoints = np.array([[10.0, 10, 2]])
    found = repair_box(None, keypoints, SIZE, 'mug', report)
    assert found.tolist() == [0, 0, *SIZE]


@pytest.mark.parametrize('value', [True, None, 'x', [1], 10**400])
def test_what_is_no_number_is_nan(value):
    assert math.isnan(to_number(value))


def test_a_number_may_be_text():
    assert to_number(' 1.5') == 1.5
