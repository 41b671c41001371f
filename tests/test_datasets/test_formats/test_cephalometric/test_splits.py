# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import random

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.datasets.formats.cephalometric.splits import (
    check_cephalogram_splits,
    check_disjoint,
    find_split_problems,
    given_split,
    group_cephalograms,
    read_split,
    split_as_baseline,
    split_at_random,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema


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
    with pytest.raises(ValueError, match='leave nothing for test'):
        split_at_random(*cephalograms, dict(val=0.1, test=0.01), 0)
    with pytest.raises(ValueError, match='left for the training'):
        split_at_random(*cephalograms, dict(val=0.5, test=0.5), 0)


def test_split_of_the_baseline():
    random.seed(2023)
    order = list(range(400))
    random.shuffle(order)
    parts = split_as_baseline(range(400), (), 2023)
    assert parts['train'] == order[:300]
    assert parts['val'] == order[300:350]
    assert parts['test'] == order[350:]
    with pytest.raises(ValueError, match='there are 350'):
        split_as_baseline(range(350), (), 2023)


def test_given_parts_are_for_all_cephalograms_or_for_none(cephalogram):
    cephalograms = [
        cephalogram('a.png', split='train'),
        cephalogram('b.png', split='test1'),
    ]
    assert given_split(cephalograms) == dict(train=[0], test1=[1])
    assert given_split([cephalogram('a.png')]) == {}
    with pytest.raises(ValueError, match='1 cephalograms have no part.*c.png'):
        given_split([*cephalograms, cephalogram('c.png')])


def test_a_person_in_two_parts_is_refused(cephalograms, report):
    with pytest.raises(ValueError, match="'p0' is in train .* and in test"):
        check_disjoint(*cephalograms, dict(train=[0, 1], test=[20]), report)
    check_disjoint(*cephalograms, dict(train=[0, 20], test=[1]), report)
    assert not report


def test_equal_images_are_counted(cephalogram, report):
    records = [cephalogram('a.png'), cephalogram('b.png')]
    check_disjoint(records, ('x', 'x'), dict(train=[0], test=[1]), report)
    assert report.examples['same_image'] == ['b.png (test) is a.png (train)']


@pytest.fixture
def write(tmp_path):
    """Write a file of cephalograms ``(image, subject)``, return its path."""

    def write_file(name, cephalograms):
        records = [
            CephalometricRecord(
                image_path=f'{stem}.png',
                keypoints_px=np.full((19, 2), 5.0),
                visible=np.full(19, 2),
                subject=subject,
                image=np.zeros((20, 16), np.uint8),
            )
            for stem, subject in cephalograms
        ]
        path = tmp_path / name
        write_coco(records, get_schema('isbi2015'), path, tmp_path / 'images')
        return str(path)

    return write_file


def load(tmp_path, path, **kwargs):
    return CephalometricDataset(
        path, 'isbi2015', data_root=str(tmp_path), **kwargs
    )


def test_disjoint_splits_pass(tmp_path, write):
    train = write('train.json', [('a', 'Ann'), ('b', 'Bob')])
    val = write('val.json', [('c', 'Cy'), ('d', '')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('val', load(tmp_path, val))
    assert find_split_problems(splits) == []
    check_cephalogram_splits(splits)
    assert [split.num_unknown for split in splits] == [0, 1]


@pytest.mark.parametrize('role', ['val', 'test'])
def test_the_training_file_is_refused_under_any_name(tmp_path, write, role):
    train = write('train.json', [('a', 'Ann'), ('b', '')])
    os.symlink(train, tmp_path / 'other.json')
    splits = read_split('train', load(tmp_path, train))
    splits += read_split(role, load(tmp_path, str(tmp_path / 'other.json')))
    with pytest.raises(DataError, match='2 cephalograms in common') as caught:
        check_cephalogram_splits(splits)
    assert train in str(caught.value)
    assert 'Set ann_file to another file' in str(caught.value)


def test_subjects_in_two_splits_are_named_with_both_files(tmp_path, write):
    train = write('train.json', [('a', 'Ann'), ('b', 'Bob'), ('c', 'Cy')])
    test = write('test.json', [('d', 'Cy'), ('e', 'Bob'), ('f', 'Di')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('test', load(tmp_path, test))
    (problem,) = find_split_problems(splits)
    assert '2 subjects' in problem and 'Bob, Cy;' in problem
    assert train in problem and test in problem
    assert 'Keep all cephalograms of a subject in one' in problem


def test_subjects_shared_by_validation_and_test_are_refused(tmp_path, write):
    val = write('val.json', [('a', 'Ann')])
    test = write('test.json', [('b', 'Ann')])
    splits = read_split('val', load(tmp_path, val))
    splits += read_split('test', load(tmp_path, test))
    with pytest.raises(DataError, match='validation and the test: Ann'):
        check_cephalogram_splits(splits)


def test_an_image_in_two_files_is_found_without_subjects(tmp_path, write):
    train = write('train.json', [('a', ''), ('b', '')])
    val = write('val.json', [('b', '')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('val', load(tmp_path, val))
    (problem,) = find_split_problems(splits)
    assert '1 images' in problem and 'b.png' in problem


def test_one_file_may_serve_validation_and_test(tmp_path, write):
    dataset = load(tmp_path, write('val.json', [('c', 'Cy')]))
    splits = read_split('val', dataset) + read_split('test', dataset)
    assert find_split_problems(splits) == []


def test_disjoint_subsets_of_one_file_pass(tmp_path, write):
    path = write('all.json', [('a', 'Ann'), ('b', 'Bob'), ('c', 'Cy')])
    train = read_split('train', load(tmp_path, path, indices=[0, 1]))
    val = read_split('val', load(tmp_path, path, indices=[2]))
    assert find_split_problems(train + val) == []
    val = read_split('val', load(tmp_path, path, indices=[1, 2]))
    (problem,) = find_split_problems(train + val)
    assert '1 cephalograms in common' in problem


def test_wrappers_are_looked_into(tmp_path, write):
    train = write('train.json', [('a', 'Ann'), ('b', 'Bob')])
    other = write('other.json', [('c', 'Cy')])
    both = ConcatDataset([load(tmp_path, train), load(tmp_path, other)])
    splits = read_split('train', both)
    assert [split.ann_file for split in splits] == [train, other]
    (split,) = read_split('train', RepeatDataset(load(tmp_path, train), 3))
    assert split == splits[0] and split.subjects == {'Ann', 'Bob'}
    assert read_split('val', [1, 2, 3]) == []
