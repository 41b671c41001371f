# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.datasets.formats.cephalometric.split_check import (
    check_splits,
    find_split_problems,
    read_split,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema


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
    check_splits(splits)
    assert [split.num_unknown for split in splits] == [0, 1]


@pytest.mark.parametrize('role', ['val', 'test'])
def test_the_training_file_is_refused_under_any_name(tmp_path, write, role):
    train = write('train.json', [('a', 'Ann'), ('b', '')])
    os.symlink(train, tmp_path / 'other.json')
    splits = read_split('train', load(tmp_path, train))
    splits += read_split(role, load(tmp_path, str(tmp_path / 'other.json')))
    with pytest.raises(DataError, match='2 cephalograms in common') as caught:
        check_splits(splits)
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
        check_splits(splits)


def test_a_image_in_two_files_is_found_without_subjects(tmp_path, write):
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
