# Copyright (c) cape_mm contributors. All rights reserved.
"""Clips of one epoch and of several: random, and reproducible."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from support.clip_samples import AUGMENTING, PLAIN, write_videos

from cape_mm.datasets.samplers import SampleIndex, SeededSampler
from cape_mm.registry import DATASETS


def build(cfg, **kwargs):
    return DATASETS.build(dict(dict(cfg, pipeline=PLAIN), **kwargs))


def frame_ids(sample):
    ids = np.array([frame.frame_id for frame in sample.frames])
    return ids[sample.frame_index]


def test_gaps_are_drawn_anew_in_each_epoch(tmp_path):
    cfg = write_videos(tmp_path, (12,))
    dataset = build(cfg, num_windows=3, num_frames=1, max_gap=4)
    gaps = set()
    for epoch in range(10):
        for number in range(len(dataset)):
            sample = dataset[SampleIndex(1, epoch, number)]['data_samples']
            gaps.update(np.diff(frame_ids(sample)[:, 0]).tolist())
    assert gaps == {1, 2, 3, 4}


def same_items(one, other):
    samples = one['data_samples'], other['data_samples']
    return (
        torch.equal(one['inputs'], other['inputs'])
        and np.array_equal(*(sample.frame_index for sample in samples))
        and all(
            np.array_equal(a.warp_mat, b.warp_mat)
            and a.img_path == b.img_path
            and torch.equal(
                a.gt_instance_labels.keypoints, b.gt_instance_labels.keypoints
            )
            for a, b in zip(*(sample.frames for sample in samples))
        )
    )


def test_items_depend_on_seed_epoch_and_number_only(tmp_path):
    cfg = dict(write_videos(tmp_path), num_windows=2, max_gap=2)
    one, other = (build(cfg, pipeline=AUGMENTING) for _ in range(2))
    indices = [SampleIndex(3, e, n) for e in range(2) for n in range(4)]
    items = [one[index] for index in indices]
    np.random.seed(5)
    for index, item in reversed(list(zip(indices, items))):
        assert same_items(other[index], item)
    for a in range(len(items)):
        for b in range(a):
            assert not same_items(items[a], items[b])
    assert not same_items(one[SampleIndex(4, 0, 0)], items[0])


def test_global_random_numbers_are_left_alone(tmp_path):
    dataset = build(
        write_videos(tmp_path), pipeline=AUGMENTING, num_windows=2, max_gap=2
    )

    def state():
        return (
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.get_rng_state().tolist(),
        )

    before = state()
    for number in range(3):
        dataset[SampleIndex(0, 0, number)]
    assert state() == before


def test_each_epoch_has_all_clips_in_another_order(tmp_path):
    dataset = build(write_videos(tmp_path), num_frames=1)
    orders = []
    for epoch in range(3):
        sampler = SeededSampler(dataset, seed=0)
        sampler.set_epoch(epoch)
        orders.append(
            [
                dataset[index]['data_samples'].frames[0].img_path
                for index in sampler
            ]
        )
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(set(orders[2]))
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_loader_gives_the_same_clips_with_and_without_workers(
    num_workers, tmp_path
):
    cfg = dict(write_videos(tmp_path), num_windows=2, pipeline=AUGMENTING)
    loader_cfg = dict(
        dataset=cfg,
        sampler=dict(type='cape_mm.SeededSampler'),
        batch_size=2,
        num_workers=num_workers,
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        loader = Runner.build_dataloader(loader_cfg, seed=7)
    loader.sampler.set_epoch(2)
    dataset, number = build(cfg, pipeline=AUGMENTING), 0
    for batch in loader:
        for image, sample in zip(batch['inputs'], batch['data_samples']):
            item = dict(inputs=image, data_samples=sample)
            assert same_items(item, dataset[SampleIndex(7, 2, number)])
            number += 1
    assert number == len(dataset) == 8


def test_epochs_may_have_another_length(tmp_path):
    cfg = write_videos(tmp_path)
    dataset = build(cfg, clips_per_epoch=25, num_frames=1)
    assert len(dataset) == 25
    paths = [dataset[i]['data_samples'].frames[0].img_path for i in range(25)]
    # each of the ten once before one comes again
    assert len(set(paths[:10])) == len(set(paths[10:20])) == 10
    assert paths[:10] != paths[10:20]
