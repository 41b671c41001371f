# Copyright (c) cape_mm contributors. All rights reserved.
"""The check stops a real runner before its first iteration."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.engine.hooks.cephalometric_split_check_hook import (
    check_cephalogram_splits,
    find_split_problems,
    read_split,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema


class Started(Exception):
    """The first iteration has begun."""


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, *args, **kwargs):
        raise Started


class Silent(BaseMetric):
    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        return {}


@pytest.fixture
def write(tmp_path):
    def write_file(name, subjects):
        records = [
            CephalometricRecord(
                image_path=f'{name}_{number}.png',
                keypoints_px=np.full((19, 2), 5.0),
                visible=np.full(19, 2),
                subject=subject,
                image=np.zeros((20, 16), np.uint8),
            )
            for number, subject in enumerate(subjects)
        ]
        schema = get_schema('isbi2015')
        path = tmp_path / f'{name}.json'
        write_coco(records, schema, path, tmp_path / 'images')

    return write_file


@pytest.fixture
def train(tmp_path):
    """Train with the given annotation files."""

    def loader(name):
        return ConfigDict(
            batch_size=1,
            num_workers=0,
            dataset=dict(
                type='cape_mm.CephalometricDataset',
                ann_file=f'{name}.json',
                schema='isbi2015',
                data_root=str(tmp_path),
                pipeline=[dict(type='LoadImage'), dict(type='PackPoseInputs')],
            ),
            sampler=dict(type='DefaultSampler', shuffle=False),
        )

    def run(train, val=None, test=None):
        parts = {}
        for role, name in dict(val=val, test=test).items():
            if name:
                parts[f'{role}_dataloader'] = loader(name)
                parts[f'{role}_cfg'] = dict()
                parts[f'{role}_evaluator'] = dict(type=Silent)
        runner = Runner(
            model=Model(),
            work_dir=str(tmp_path / 'work'),
            train_dataloader=loader(train),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            custom_hooks=[dict(type='cape_mm.CephalometricSplitCheckHook')],
            default_scope='mmpose',
            experiment_name=tmp_path.name,
            **parts,
        )
        runner.train()

    return run


def read_log(tmp_path):
    (path,) = (tmp_path / 'work').rglob('*.log')
    return path.read_text()


def test_good_splits_train(tmp_path, write, train):
    for name, subjects in dict(a=['1', '2'], b=['3'], c=['4']).items():
        write(name, subjects)
    with pytest.raises(Started):
        train('a', 'b', 'c')
    assert 'have no subject' not in read_log(tmp_path)


@pytest.mark.parametrize('role', ['val', 'test'])
def test_the_training_file_does_not_validate_or_test(write, train, role):
    write('a', ['1', '2'])
    with pytest.raises(DataError, match='a.json is used for training and'):
        train('a', **{role: 'a'})


@pytest.mark.parametrize('role', ['val', 'test'])
def test_a_subject_in_two_splits_stops_the_training(write, train, role):
    write('a', ['1', '2'])
    write('b', ['2', '3'])
    with pytest.raises(DataError, match='1 subjects .*: 2; files .*a.json'):
        train('a', **{role: 'b'})


def test_what_could_not_be_compared_is_logged(tmp_path, write, train):
    write('a', ['1', ''])
    with pytest.raises(Started):
        train('a', test='not_here')
    log = read_log(tmp_path)
    assert '1 cephalograms have no subject' in log
    assert 'test data could not be compared' in log and 'not_here' in log


@pytest.fixture
def annotate(tmp_path):
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


def test_disjoint_splits_pass(tmp_path, annotate):
    train = annotate('train.json', [('a', 'Ann'), ('b', 'Bob')])
    val = annotate('val.json', [('c', 'Cy'), ('d', '')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('val', load(tmp_path, val))
    assert find_split_problems(splits) == []
    check_cephalogram_splits(splits)
    assert [split.num_unknown for split in splits] == [0, 1]


@pytest.mark.parametrize('role', ['val', 'test'])
def test_the_training_file_is_refused_under_any_name(tmp_path, annotate, role):
    train = annotate('train.json', [('a', 'Ann'), ('b', '')])
    os.symlink(train, tmp_path / 'other.json')
    splits = read_split('train', load(tmp_path, train))
    splits += read_split(role, load(tmp_path, str(tmp_path / 'other.json')))
    with pytest.raises(DataError, match='2 cephalograms in common') as caught:
        check_cephalogram_splits(splits)
    assert train in str(caught.value)
    assert 'Set ann_file to another file' in str(caught.value)


def test_subjects_in_two_splits_are_named_with_both_files(tmp_path, annotate):
    train = annotate('train.json', [('a', 'Ann'), ('b', 'Bob'), ('c', 'Cy')])
    test = annotate('test.json', [('d', 'Cy'), ('e', 'Bob'), ('f', 'Di')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('test', load(tmp_path, test))
    (problem,) = find_split_problems(splits)
    assert '2 subjects' in problem and 'Bob, Cy;' in problem
    assert train in problem and test in problem
    assert 'Keep all cephalograms of a subject in one' in problem


def test_subjects_shared_by_validation_and_test_are_refused(
    tmp_path, annotate
):
    val = annotate('val.json', [('a', 'Ann')])
    test = annotate('test.json', [('b', 'Ann')])
    splits = read_split('val', load(tmp_path, val))
    splits += read_split('test', load(tmp_path, test))
    with pytest.raises(DataError, match='validation and the test: Ann'):
        check_cephalogram_splits(splits)


def test_an_image_in_two_files_is_found_without_subjects(tmp_path, annotate):
    train = annotate('train.json', [('a', ''), ('b', '')])
    val = annotate('val.json', [('b', '')])
    splits = read_split('train', load(tmp_path, train))
    splits += read_split('val', load(tmp_path, val))
    (problem,) = find_split_problems(splits)
    assert '1 images' in problem and 'b.png' in problem


def test_one_file_may_serve_validation_and_test(tmp_path, annotate):
    dataset = load(tmp_path, annotate('val.json', [('c', 'Cy')]))
    splits = read_split('val', dataset) + read_split('test', dataset)
    assert find_split_problems(splits) == []


def test_disjoint_subsets_of_one_file_pass(tmp_path, annotate):
    path = annotate('all.json', [('a', 'Ann'), ('b', 'Bob'), ('c', 'Cy')])
    train = read_split('train', load(tmp_path, path, indices=[0, 1]))
    val = read_split('val', load(tmp_path, path, indices=[2]))
    assert find_split_problems(train + val) == []
    val = read_split('val', load(tmp_path, path, indices=[1, 2]))
    (problem,) = find_split_problems(train + val)
    assert '1 cephalograms in common' in problem


def test_wrappers_are_looked_into(tmp_path, annotate):
    train = annotate('train.json', [('a', 'Ann'), ('b', 'Bob')])
    other = annotate('other.json', [('c', 'Cy')])
    both = ConcatDataset([load(tmp_path, train), load(tmp_path, other)])
    splits = read_split('train', both)
    assert [split.ann_file for split in splits] == [train, other]
    (split,) = read_split('train', RepeatDataset(load(tmp_path, train), 3))
    assert split == splits[0] and split.subjects == {'Ann', 'Bob'}
    assert read_split('val', [1, 2, 3]) == []
