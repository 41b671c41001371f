# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.posetrack import (
    LAYOUTS,
    keypoint_names,
    layout_metainfo,
)


def test_posetrack15_is_posetrack18_without_ears():
    ours, theirs = map(layout_metainfo, ('posetrack15', 'posetrack18'))
    names = [n for n in keypoint_names('posetrack18') if 'ear' not in n]
    assert list(keypoint_names('posetrack15')) == names
    for index, name in enumerate(names):
        other = theirs['keypoint_name2id'][name]
        assert ours['sigmas'][index] == theirs['sigmas'][other]
        assert ours['keypoint_colors'][index].tolist() == (
            theirs['keypoint_colors'][other].tolist()
        )
    links = {frozenset(names[i] for i in link) for link in _links(ours)}
    all_names = keypoint_names('posetrack18')
    assert links == {
        frozenset(all_names[i] for i in link) for link in _links(theirs)
    }


def _links(metainfo):
    return metainfo['skeleton_links']


@pytest.mark.parametrize('name', LAYOUTS)
def test_sides_are_exchanged_and_the_middle_stays(name):
    names = keypoint_names(name)
    flip = layout_metainfo(name)['flip_indices']
    assert np.array_equal(np.array(flip)[flip], np.arange(len(names)))
    for one, other in zip(names, (names[i] for i in flip)):
        swapped = one.replace('left', 'RIGHT').replace('right', 'left')
        assert other == swapped.replace('RIGHT', 'right')


def test_reference_order_of_the_15_keypoints():
    names = keypoint_names('posetrack15')
    assert names[:5] == (
        'nose',
        'head_bottom',
        'head_top',
        'left_shoulder',
        'right_shoulder',
    )
    assert names[-2:] == ('left_ankle', 'right_ankle')
    flip = layout_metainfo('posetrack15')['flip_indices']
    assert flip == [0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13]


def test_unknown_layouts_are_named():
    with pytest.raises(ValueError, match="no keypoint layout 'mpii'.*coco"):
        layout_metainfo('mpii')
