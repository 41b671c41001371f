# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from functools import partial
from multiprocessing import get_context

import pytest
from support.clip_samples import PLAIN, write_videos

from cape_mm.datasets.datasets import (
    CephalogramsDataset,
    CreaturesDataset,
    StickFiguresDataset,
)
from cape_mm.datasets.synthetic import (
    write_cephalograms,
    write_creatures,
    write_stick_figures,
)
from cape_mm.registry import DATASETS

# Class -> annotation file, first image, number of samples, written data
CASES = {
    CreaturesDataset: (
        'annotations/mp100_split1_train.json',
        'images/creature_001/0000.jpg',
        4,
        partial(
            write_creatures,
            train=(2, 2),
            val=(1, 1),
            test=(1, 1),
            image_size=64,
        ),
    ),
    CephalogramsDataset: (
        'annotations/cephalograms_train.json',
        'images/train_0000.jpg',
        4,
        partial(write_cephalograms, train=4, val=1, test=1, image_height=160),
    ),
    StickFiguresDataset: (
        'annotations/train',
        'images/train/000000_stick_train/000000.jpg',
        6,
        partial(write_stick_figures, train=(2, 3), val=(1, 2), image_size=64),
    ),
}
every_dataset = pytest.mark.parametrize('kind', CASES)


def build(kind, **kwargs):
    cfg = dict(type=f'cape_mm.{kind.__name__}', ann_file=CASES[kind][0])
    if kind is StickFiguresDataset:
        cfg['pipeline'] = PLAIN
    return DATASETS.build(dict(cfg, **kwargs))


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """A working directory of its own, and data of a smaller size."""
    for kind, (*_, write_small) in CASES.items():
        monkeypatch.setattr(kind, 'write', staticmethod(write_small))
    monkeypatch.chdir(tmp_path)


@every_dataset
def test_default_data_are_written_on_first_use_and_then_reused(kind):
    _, first, length, _ = CASES[kind]
    dataset = build(kind)
    assert len(dataset) == length
    path = f'{kind.default_root}/{first}'
    assert dataset.get_data_info(0)['img_path'] == path
    written = os.stat(path).st_mtime_ns
    again = build(kind, data_root=f'./{kind.default_root}/')
    assert len(again) == length
    assert os.stat(path).st_mtime_ns == written


def test_what_the_default_data_hold():
    assert list(build(CreaturesDataset).categories) == [1, 2]
    schema = build(CephalogramsDataset).metainfo['schema']
    assert schema == 'cephalogram23'
    clip = build(StickFiguresDataset)[0]
    assert clip['inputs'].shape[1:] == (3, 64, 64)


@pytest.mark.parametrize('schema', ['document19', 'isbi2015'])
def test_both_lists_of_nineteen_are_on_the_cephalograms(schema):
    dataset = build(CephalogramsDataset, schema=schema)
    assert dataset.metainfo['num_keypoints'] == 19
    assert dataset.get_data_info(0)['keypoints'].shape == (1, 19, 2)


@every_dataset
def test_nothing_is_written_before_it_is_needed(kind):
    dataset = build(kind, lazy_init=True)
    assert os.listdir('.') == []
    dataset.full_init()
    assert len(dataset) == CASES[kind][2]


@every_dataset
def test_any_other_folder_is_only_read(kind):
    with pytest.raises(FileNotFoundError, match='my_data'):
        build(kind, data_root='my_data')
    assert os.listdir('.') == []


def test_real_data_are_read_by_the_same_type(mp100_mini, tmp_path):
    assert len(build(CreaturesDataset, data_root=str(mp100_mini))) > 0
    assert os.listdir('.') == []
    write_videos(tmp_path / 'own')
    assert len(build(StickFiguresDataset, data_root='own')) == 10
    assert os.listdir('.') == ['own']


@every_dataset
def test_a_foreign_folder_of_that_name_is_left_alone(kind, tmp_path):
    os.makedirs(kind.default_root)
    (tmp_path / kind.default_root / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='nothing was changed'):
        build(kind)
    assert os.listdir(kind.default_root) == ['mine.txt']


def test_data_of_another_size_are_noticed():
    one = dict(train=(1, 1), val=(1, 1), image_size=48)
    write_creatures('data/creatures', test=(1, 1), **one)
    write_stick_figures('data/stick_figures', **one)
    for kind in (CreaturesDataset, StickFiguresDataset):
        with pytest.raises(
            FileExistsError, match='image_size: 48 instead of 64'
        ):
            build(kind)


def test_processes_that_start_at_once_get_the_same_data(tmp_path):
    root = str(tmp_path / 'cephalograms')
    with get_context('fork').Pool(3) as pool:
        written = pool.map(CASES[CephalogramsDataset][3], [root] * 3)
    assert sum(written) == 1
    assert sorted(os.listdir(tmp_path)) == ['cephalograms']
    dataset = build(CephalogramsDataset, data_root=root, synthetic_root=root)
    assert len(dataset) == 4
