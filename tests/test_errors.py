# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import sys

import numpy as np
import pytest

from cape_mm.errors import (
    DataError,
    import_extra,
    refuse_nonfinite,
    shorten,
)


def test_an_optional_module_is_imported():
    assert import_extra('json', 'json', 'a test') is sys.modules['json']


def test_a_missing_module_is_named_with_purpose_reason_and_command():
    with pytest.raises(ImportError) as error:
        import_extra('no_such_module', 'one two', 'the file a.xyz')
    assert str(error.value) == (
        'the file a.xyz needs no_such_module (No module named '
        "'no_such_module'): pip install one two"
    )


def test_values_stay_in_one_line_of_a_message():
    assert shorten('a  b') == "'a  b'"
    assert shorten(np.eye(2)) == 'array([[1., 0.],        [0., 1.]])'
    assert shorten('a' * 100, 4) == "'aaa ..."


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_named(bad):
    keypoints, scores = np.zeros((3, 2)), np.ones((3, 4))
    refuse_nonfinite('a.jpg', 'abc', keypoints, scores)
    refuse_nonfinite('a.jpg', 'abc', np.zeros((3, 0, 2)))
    keypoints[0, 1] = scores[2, 3] = bad
    with pytest.raises(DataError, match='^a.jpg: the prediction of a, c is'):
        refuse_nonfinite('a.jpg', 'abc', keypoints, scores)
    with pytest.raises(DataError, match='of 0, 1, 2, 3, 4 and others is'):
        refuse_nonfinite('a.jpg', range(9), np.full(9, bad))
