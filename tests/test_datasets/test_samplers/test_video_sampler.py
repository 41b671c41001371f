# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from support.clip_samples import PLAIN, write_videos

from cape_mm.datasets.samplers import VideoSampler, video_sampler


class Frames:
    def __init__(self, lengths):
        self.video_lengths = lengths

    def __len__(self):
        return sum(self.video_lengths)


def make(monkeypatch, lengths, rank=0, world_size=1):
    monkeypatch.setattr(
        video_sampler, 'get_dist_info', lambda: (rank, world_size)
    )
    return VideoSampler(Frames(lengths))


def test_one_process_gets_all_frames_in_order(monkeypatch):
    assert list(make(monkeypatch, [3, 1, 4])) == list(range(8))


@pytest.mark.parametrize('world_size', [2, 3, 5])
def test_whole_videos_in_order_none_twice(world_size, monkeypatch):
    lengths = [5, 40, 7, 12, 9, 3, 8]
    shares = [
        list(make(monkeypatch, lengths, rank, world_size))
        for rank in range(world_size)
    ]
    assert sorted(sum(shares, [])) == list(range(sum(lengths)))
    start = 0
    for length in lengths:
        video = list(range(start, start + length))
        (owner,) = [s for s in shares if video[0] in s]
        place = owner.index(video[0])
        assert owner[place : place + length] == video
        start += length
    for rank, share in enumerate(shares):
        assert len(make(monkeypatch, lengths, rank, world_size)) == len(share)
        assert share == sorted(share)


def test_shares_are_about_equal(monkeypatch):
    lengths = list(range(1, 30))
    sizes = [len(make(monkeypatch, lengths, rank, 4)) for rank in range(4)]
    assert max(sizes) - min(sizes) <= 2


def test_more_processes_than_videos(monkeypatch):
    assert list(make(monkeypatch, [2], 1, 3)) == []


def test_other_data_sets_are_refused(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match='not range of 4 samples'):
        VideoSampler(range(4))
    from cape_mm.registry import DATASETS

    training = DATASETS.build(dict(write_videos(tmp_path), num_windows=2))
    with pytest.raises(ValueError, match='test_mode=True'):
        VideoSampler(training)


def test_works_in_the_dataloader_of_mmengine(tmp_path):
    cfg = dict(
        dataset=dict(write_videos(tmp_path), pipeline=PLAIN, test_mode=True),
        sampler=dict(type='cape_mm.VideoSampler'),
        batch_size=1,
        num_workers=0,
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        loader = Runner.build_dataloader(cfg, seed=3)
    frames = [batch['data_samples'][0].centers[0] for batch in loader]
    assert [(f.video_id, f.frame_id) for f in frames] == [
        *(('000001_a', i) for i in range(6)),
        *(('000002_b', i) for i in range(4)),
    ]
