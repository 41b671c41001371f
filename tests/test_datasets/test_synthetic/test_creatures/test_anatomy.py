# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.synthetic.creatures.anatomy import draw_creature

CREATURES = [draw_creature(np.random.default_rng([3, i])) for i in range(80)]


@pytest.mark.parametrize('creature', CREATURES)
def test_skeleton_is_a_tree_of_6_to_16_named_keypoints(creature):
    count = len(creature.keypoints)
    assert 6 <= count <= 16
    assert len(set(creature.keypoint_names)) == count
    # every keypoint but the first one hangs on an earlier one
    edges = sorted(creature.skeleton, key=lambda edge: edge[1])
    assert [child for _, child in edges] == list(range(1, count))
    assert all(0 <= parent < child for parent, child in edges)


@pytest.mark.parametrize('creature', CREATURES)
def test_left_and_right_have_one_build_and_different_looks(creature):
    names = creature.keypoint_names
    bodies = {
        part.keypoint: part.patches
        for part in reversed(creature.parts)
        if part.keypoint != 0
    }
    lefts = [name for name in names if name.startswith('left_')]
    rights = [name for name in names if name.startswith('right_')]
    assert [name[5:] for name in lefts] == [name[6:] for name in rights]
    for left, right in zip(lefts, rights):
        one, other = names.index(left), names.index(right)
        assert (
            creature.keypoints[one].length == creature.keypoints[other].length
        )
        colors = [
            [patch.color for patch in bodies[keypoint]]
            for keypoint in (one, other)
        ]
        assert colors[0] != colors[1]


def test_categories_differ():
    looks = {
        (len(creature.keypoints), creature.parts[0].patches[0].color)
        for creature in CREATURES
    }
    assert len(looks) > 0.95 * len(CREATURES)
    counts = {len(creature.keypoints) for creature in CREATURES}
    assert counts == set(range(6, 17))
