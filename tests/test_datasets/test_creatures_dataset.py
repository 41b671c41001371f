# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os

import pytest

from cape_mm.datasets.datasets import creatures_dataset
from cape_mm.datasets.synthetic import write_creatures
from cape_mm.registry import DATASETS

TRAIN = 'annotations/mp100_split1_train.json'


def build(**kwargs):
    return DATASETS.build(
        dict(type='cape_mm.CreaturesDataset', ann_file=TRAIN, **kwargs)
    )


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """A working directory of its own, and data of a smaller size."""

    def write_small(root):
        return write_creatures(
            root, train=(2, 2), val=(1, 1), test=(1, 1), image_size=64
        )

    monkeypatch.setattr(creatures_dataset, 'ensure_creatures', write_small)
    monkeypatch.chdir(tmp_path)


def test_default_data_are_written_on_first_use_and_then_reused():
    dataset = build()
    assert len(dataset) == 4
    assert list(dataset.categories) == [1, 2]
    path = 'data/creatures/images/creature_001/0000.jpg'
    assert dataset.get_data_info(0)['img_path'] == path
    written = os.stat(path).st_mtime_ns
    assert len(build(data_root='./data/creatures/')) == 4
    assert os.stat(path).st_mtime_ns == written


def test_nothing_is_written_before_it_is_needed():
    dataset = build(lazy_init=True)
    assert os.listdir('.') == []
    dataset.full_init()
    assert len(dataset) == 4


def test_any_other_folder_is_only_read():
    with pytest.raises(FileNotFoundError, match='my_data'):
        build(data_root='my_data')
    assert os.listdir('.') == []


def test_real_data_are_read_by_the_same_type(mp100_mini):
    dataset = build(data_root=str(mp100_mini))
    assert len(dataset) > 0
    assert os.listdir('.') == []


def test_a_foreign_folder_of_that_name_is_left_alone(tmp_path):
    os.makedirs('data/creatures')
    (tmp_path / 'data' / 'creatures' / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='nothing was changed'):
        build()
    assert os.listdir('data/creatures') == ['mine.txt']


def test_data_of_another_size_are_noticed():
    write_creatures(
        'data/creatures', train=(1, 1), val=(1, 1), test=(1, 1), image_size=32
    )
    with pytest.raises(FileExistsError, match='image_size: 32 instead of 64'):
        build()
