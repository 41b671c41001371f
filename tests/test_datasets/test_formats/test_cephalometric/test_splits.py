# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import random

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.splits import (
    check_disjoint,
    given_split,
    group_cephalograms,
    split_as_baseline,
    split_at_random,
)
from cape_mm.errors import DataError


@pytest.fixture
def cephalograms(cephalogram):
    """40 cephalograms of 20 persons; the hash of each image."""
    records = [
        cephalogram(f'{i}.png', subject=f'p{i % 20}') for i in range(40)
    ]
    return records, [f'hash {i}' for i in range(40)]


def test_cephalograms_of_a_person_and_equal_images_stay_together(cephalogram):
    subjects = ('a', 'b', 'a', '', '', 'b')
    digests = ('1', '2', '3', '3', '4', '5')
    records = [
        cephalogram(f'{i}.png', subject=s) for i, s in enumerate(subjects)
    ]
    assert group_cephalograms(records, digests) == [[0, 2, 3], [1, 5], [4]]


def test_groups_that_meet_later_become_one(cephalogram):
    records = [
        cephalogram(f'{i}.png', subject=s) for i, s in enumerate('abcb')
    ]
    # the last cephalogram of b has the image of a
    assert group_cephalograms(records, ('1', '2', '3', '1')) == [
        [0, 1, 3],
        [2],
    ]


def test_random_parts_have_the_shares_and_share_no_person(cephalograms):
    records, digests = cephalograms
    parts = split_at_random(records, digests, dict(val=0.1, test=0.2), 0)
    sizes = {part: len(indices) for part, indices in parts.items()}
    assert sizes == dict(train=28, val=4, test=8)
    assert sorted(sum(parts.values(), [])) == list(range(40))
    persons = [
        {records[index].subject for index in indices}
        for indices in parts.values()
    ]
    assert not persons[0] & persons[1] and not persons[1] & persons[2]
    assert not persons[0] & persons[2]


def test_random_parts_depend_on_the_seed_only(cephalograms):
    shares = dict(val=0.1, test=0.1)
    np.random.seed(3)
    first = split_at_random(*cephalograms, shares, 5)
    state = np.random.get_state()[1].copy()
    np.random.seed(4)
    assert split_at_random(*cephalograms, shares, 5) == first
    assert split_at_random(*cephalograms, shares, 6) != first
    np.random.seed(3)
    assert (np.random.get_state()[1] == state).all()


def test_a_part_may_be_left_out_but_not_be_empty(cephalograms):
    parts = split_at_random(*cephalograms, dict(val=0.1, test=0), 0)
    assert set(parts) == {'train', 'val'}
    with pytest.raises(DataError, match='leave nothing for test'):
        split_at_random(*cephalograms, dict(val=0.1, test=0.01), 0)
    with pytest.raises(DataError, match='left for the training'):
        split_at_random(*cephalograms, dict(val=0.5, test=0.5), 0)


def test_split_of_the_baseline():
    random.seed(2023)
    order = list(range(400))
    random.shuffle(order)
    parts = split_as_baseline(range(400), (), 2023)
    assert parts['train'] == order[:300]
    assert parts['val'] == order[300:350]
    assert parts['test'] == order[350:]
    with pytest.raises(DataError, match='there are 350'):
        split_as_baseline(range(350), (), 2023)


def test_given_parts_are_for_all_cephalograms_or_for_none(cephalogram):
    cephalograms = [
        cephalogram('a.png', split='train'),
        cephalogram('b.png', split='test1'),
    ]
    assert given_split(cephalograms) == dict(train=[0], test1=[1])
    assert given_split([cephalogram('a.png')]) == {}
    with pytest.raises(DataError, match='1 cephalograms have no part.*c.png'):
        given_split([*cephalograms, cephalogram('c.png')])


def test_a_person_in_two_parts_is_refused(cephalograms, report):
    with pytest.raises(DataError, match="'p0' is in train .* and in test"):
        check_disjoint(*cephalograms, dict(train=[0, 1], test=[20]), report)
    check_disjoint(*cephalograms, dict(train=[0, 20], test=[1]), report)
    assert not report


def test_equal_images_are_counted(cephalogram, report):
    records = [cephalogram('a.png'), cephalogram('b.png')]
    check_disjoint(records, ('x', 'x'), dict(train=[0], test=[1]), report)
    assert report.examples['same_image'] == ['b.png (test) is a.png (train)']
