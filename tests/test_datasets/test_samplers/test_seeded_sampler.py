# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmengine.dataset import sampler as mmengine_sampler
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from cape_mm.datasets.samplers import SampleIndex, SeededSampler
from cape_mm.registry import DATA_SAMPLERS


def make(monkeypatch, rank=0, world_size=1, num_samples=10, **kwargs):
    monkeypatch.setattr(
        mmengine_sampler, 'get_dist_info', lambda: (rank, world_size)
    )
    return SeededSampler(range(num_samples), seed=3, **kwargs)


def test_indices_hold_seed_epoch_and_number(monkeypatch):
    sampler = make(monkeypatch, num_samples=3)
    assert list(sampler) == [SampleIndex(3, 0, i) for i in range(3)]
    sampler.set_epoch(7)
    assert list(sampler) == [SampleIndex(3, 7, i) for i in range(3)]


def test_resumed_run_gives_the_episodes_of_an_uninterrupted_one(monkeypatch):
    sampler, epochs = make(monkeypatch), []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    resumed = make(monkeypatch)
    for epoch in (2, 3):
        resumed.set_epoch(epoch)
        assert list(resumed) == epochs[epoch]
    assert len({index for epoch in epochs for index in epoch}) == 40


def test_ranks_together_give_what_one_rank_gives(monkeypatch):
    alone = list(make(monkeypatch))
    ranks = [list(make(monkeypatch, rank, 2)) for rank in range(2)]
    # Results are collected alternately from the ranks.
    merged = [index for pair in zip(*ranks) for index in pair]
    assert merged == alone


@pytest.mark.parametrize('round_up, lengths', [(True, [3] * 4), (False, None)])
def test_uneven_number_of_samples(round_up, lengths, monkeypatch):
    samplers = [
        make(monkeypatch, rank, 4, round_up=round_up) for rank in range(4)
    ]
    ranks = [list(sampler) for sampler in samplers]
    assert [len(s) for s in samplers] == [len(rank) for rank in ranks]
    assert [len(rank) for rank in ranks] == (lengths or [3, 3, 2, 2])
    merged = [i.number for row in zip(*ranks) for i in row]
    expected = [*range(10), 0, 1] if round_up else list(range(8))
    assert merged == expected


def test_fewer_samples_than_ranks(monkeypatch):
    ranks = [
        [i.number for i in make(monkeypatch, rank, 5, num_samples=2)]
        for rank in range(5)
    ]
    assert ranks == [[0], [1], [0], [1], [0]]
    sampler = make(monkeypatch, 4, 5, num_samples=2, round_up=False)
    assert list(sampler) == [] and len(sampler) == 0


def test_seed_is_drawn_when_none_is_given():
    seed = SeededSampler(range(2)).seed
    assert isinstance(seed, int) and seed >= 0


def test_works_in_the_dataloader_of_mmengine(write_mp100, pipeline):
    cfg = dict(
        dataset=dict(
            type='cape_mm.EpisodeDataset',
            dataset=write_mp100(),
            pipeline=pipeline,
            num_episodes=5,
        ),
        sampler=dict(type='cape_mm.SeededSampler'),
        batch_size=2,
        num_workers=0,
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        loader = Runner.build_dataloader(cfg, seed=11)
        unseeded = Runner.build_dataloader(cfg, seed=11, diff_rank_seed=True)
    loader.sampler.set_epoch(1)
    batches = list(loader)
    assert len(loader) == 3
    episodes = [s.episode for b in batches for s in b['data_samples']]
    assert episodes == [(11, 1, i) for i in range(5)]
    assert isinstance(unseeded.sampler.seed, int)


def test_name_of_older_configs_is_known():
    sampler = DATA_SAMPLERS.build(
        dict(type='cape_mm.EpisodeSampler', dataset=range(2), seed=0)
    )
    assert isinstance(sampler, SeededSampler)
