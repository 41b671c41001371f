# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional.radial_error import (
    detected,
    detection_rate,
    errors_by_landmark,
    image_errors,
    landmark_offsets,
    mean_radial_error,
    radial_error_spread,
    radial_errors,
)

TRUTH = np.array([[[10.0, 20.0], [30.0, 40.0]]] * 2)
# errors 5 and 0 in the first image, 10 and 13 in the second
STEPS = np.array([[[3.0, -4.0], [0.0, 0.0]], [[-6.0, 8.0], [5.0, 12.0]]])
ALL = np.ones((2, 2), dtype=bool)


def errors_px():
    return radial_errors(landmark_offsets(TRUTH + STEPS, TRUTH))


def test_pool_of_all_landmarks_by_hand():
    errors = errors_px()
    assert errors.tolist() == [[5, 0], [10, 13]]
    assert mean_radial_error(errors, ALL) == 7
    # squares of -2, -7, 3, 6
    assert radial_error_spread(errors, ALL) == pytest.approx(np.sqrt(98 / 4))
    assert image_errors(errors, ALL).tolist() == [2.5, 11.5]


def test_each_image_and_axis_has_its_spacing():
    spacing = np.array([[0.5, 0.25], [0.1, 0.2]])
    offsets = landmark_offsets(TRUTH + STEPS, TRUTH, spacing)
    assert offsets[0, 0].tolist() == [1.5, -1.0]
    assert offsets[1, 1] == pytest.approx([0.5, 2.4])
    doubled = landmark_offsets(TRUTH + STEPS, TRUTH, 2 * spacing)
    assert doubled == pytest.approx(2 * offsets)


def test_what_is_not_labelled_does_not_count():
    errors = errors_px()
    valid = np.array([[True, False], [False, False]])
    assert mean_radial_error(errors, valid) == 5
    assert radial_error_spread(errors, valid) == 0
    assert detection_rate(errors, valid, 5) == 100
    means = image_errors(errors, valid)
    assert means[0] == 5 and np.isnan(means[1])


def test_nothing_labelled_is_nan():
    none = np.zeros((2, 2), dtype=bool)
    assert np.isnan(mean_radial_error(errors_px(), none))
    assert np.isnan(radial_error_spread(errors_px(), none))
    assert np.isnan(detection_rate(errors_px(), none, 2))


def test_an_error_at_the_threshold():
    errors = errors_px()
    assert detection_rate(errors, ALL, 5) == 50
    assert detection_rate(errors, ALL, 5, strict=True) == 25
    assert detected(np.array([2.0]), 2.0)[0]
    assert not detected(np.array([2.0]), 2.0, strict=True)[0]


def test_wrong_shapes_and_spacings_are_refused():
    with pytest.raises(ValueError, match='shape'):
        landmark_offsets(TRUTH[:, :1], TRUTH)
    with pytest.raises(ValueError, match='shape'):
        landmark_offsets(TRUTH, TRUTH, np.ones(2))
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match='positive'):
            landmark_offsets(TRUTH, TRUTH, np.full((2, 2), bad))


def test_row_of_a_landmark_by_hand():
    steps = np.array([[3.0, 4.0], [-3.0, -4.0], [6.0, 8.0], [0.0, 1.0]])
    valid = np.array([[True], [True], [True], [False]])
    (row,) = errors_by_landmark(steps[:, None], valid, ['S'], (5, 10), False)
    assert row == pytest.approx(
        dict(
            landmark='S',
            N=3,
            mean=20 / 3,
            SD=np.sqrt(50 / 9),
            median=5,
            p95=9.5,
            max=10,
            SDR_5=200 / 3,
            SDR_10=100,
            dx=2,
            dy=8 / 3,
        )
    )
    (row,) = errors_by_landmark(
        steps[:, None], valid, ['S'], (5,), strict=True
    )
    assert row['SDR_5'] == 0


def test_row_of_a_landmark_that_is_never_labelled():
    valid = np.array([[True, False]] * 2)
    rows = errors_by_landmark(STEPS, valid, ['S', 'N'], (2,))
    assert rows[1].pop('landmark') == 'N' and rows[1].pop('N') == 0
    assert all(np.isnan(value) for value in rows[1].values())
    assert rows[0]['N'] == 2
