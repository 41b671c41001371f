# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from functools import partial
from multiprocessing import get_context

import pytest

from cape_mm.datasets.datasets import cephalograms_dataset
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.registry import DATASETS

TRAIN = 'annotations/cephalograms_train.json'
SMALL = dict(train=4, val=1, test=1, image_height=160)


def build(**kwargs):
    return DATASETS.build(
        dict(type='cape_mm.CephalogramsDataset', ann_file=TRAIN, **kwargs)
    )


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """A working directory of its own, and data of a smaller size."""
    write_small = partial(write_cephalograms, **SMALL)
    monkeypatch.setattr(
        cephalograms_dataset, 'ensure_cephalograms', write_small
    )
    monkeypatch.chdir(tmp_path)


def test_default_data_are_drawn_on_first_use_and_then_reused():
    dataset = build()
    assert len(dataset) == 4
    assert dataset.metainfo['schema'] == 'cephalogram23'
    path = 'data/cephalograms/images/train_0000.jpg'
    assert dataset.get_data_info(0)['img_path'] == path
    written = os.stat(path).st_mtime_ns
    assert len(build(data_root='./data/cephalograms/')) == 4
    assert os.stat(path).st_mtime_ns == written


@pytest.mark.parametrize('schema', ['document19', 'isbi2015'])
def test_both_lists_of_nineteen_are_on_the_cephalograms(schema):
    dataset = build(schema=schema)
    assert dataset.metainfo['num_keypoints'] == 19
    assert dataset.get_data_info(0)['keypoints'].shape == (1, 19, 2)


def test_nothing_is_drawn_before_it_is_needed():
    dataset = build(lazy_init=True)
    assert os.listdir('.') == []
    dataset.full_init()
    assert len(dataset) == 4


def test_any_other_folder_is_only_read():
    with pytest.raises(FileNotFoundError, match='my_cephalograms'):
        build(data_root='my_cephalograms')
    assert os.listdir('.') == []


def test_a_foreign_folder_of_that_name_is_left_alone(tmp_path):
    os.makedirs('data/cephalograms')
    (tmp_path / 'data' / 'cephalograms' / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='nothing was changed'):
        build()
    assert os.listdir('data/cephalograms') == ['mine.txt']


def test_processes_that_start_at_once_get_the_same_data(tmp_path):
    root = str(tmp_path / 'cephalograms')
    with get_context('fork').Pool(3) as pool:
        written = pool.map(partial(write_cephalograms, **SMALL), [root] * 3)
    assert sum(written) == 1
    assert sorted(os.listdir(tmp_path)) == ['cephalograms']
    assert len(build(data_root=root, embedded_root=root)) == 4
