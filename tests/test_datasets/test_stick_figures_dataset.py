# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os

import pytest
from support.clip_samples import PLAIN, write_videos

from cape_mm.datasets.datasets import stick_figures_dataset
from cape_mm.datasets.synthetic import write_stick_figures
from cape_mm.registry import DATASETS


def build(**kwargs):
    cfg = dict(type='cape_mm.StickFiguresDataset', pipeline=PLAIN)
    return DATASETS.build(dict(cfg, ann_file='annotations/train', **kwargs))


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    """A working directory of its own, and data of a smaller size."""

    def write_small(root):
        return write_stick_figures(
            root, train=(2, 3), val=(1, 2), image_size=64
        )

    monkeypatch.setattr(
        stick_figures_dataset, 'ensure_stick_figures', write_small
    )
    monkeypatch.chdir(tmp_path)


def test_default_data_are_drawn_on_first_use_and_then_reused():
    dataset = build()
    assert len(dataset) == 6
    path = 'data/stick_figures/images/train/000000_stick_train/000000.jpg'
    assert dataset.get_data_info(0)['img_path'] == path
    written = os.stat(path).st_mtime_ns
    assert len(build(data_root='./data/stick_figures/')) == 6
    assert os.stat(path).st_mtime_ns == written
    assert dataset[0]['inputs'].shape[1:] == (3, 64, 64)


def test_nothing_is_drawn_before_it_is_needed():
    dataset = build(lazy_init=True)
    assert os.listdir('.') == []
    assert len(dataset) == 6


def test_any_other_folder_is_only_read(tmp_path):
    with pytest.raises(FileNotFoundError, match='my_data'):
        build(data_root='my_data')
    assert os.listdir('.') == []
    write_videos(tmp_path / 'own')
    assert len(build(data_root='own')) == 10
    assert os.listdir('.') == ['own']


def test_a_foreign_folder_of_that_name_is_left_alone(tmp_path):
    os.makedirs('data/stick_figures')
    (tmp_path / 'data/stick_figures/mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='nothing was changed'):
        build()
    assert os.listdir('data/stick_figures') == ['mine.txt']


def test_data_of_another_size_are_noticed():
    write_stick_figures(
        'data/stick_figures', train=(1, 1), val=(1, 1), image_size=48
    )
    with pytest.raises(FileExistsError, match='image_size: 48 instead of 64'):
        build()
