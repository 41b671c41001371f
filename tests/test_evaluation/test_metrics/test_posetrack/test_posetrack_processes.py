# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
import torch
import torch.multiprocessing

from cape_mm.evaluation.metrics import PoseTrackMetric

NAMES = ['nose', 'left_wrist', 'right_wrist']


def evaluate_rank(rank, frames_of_rank, folder):
    """One of several processes, each with whole videos."""
    torch.distributed.init_process_group(
        'gloo',
        init_method=f'file://{folder}/rendezvous',
        rank=rank,
        world_size=len(frames_of_rank),
    )
    metric = PoseTrackMetric()
    metric.dataset_meta = dict(keypoint_names=NAMES)
    metric.process({}, frames_of_rank[rank])
    metrics = metric.evaluate(sum(map(len, frames_of_rank)))
    with open(f'{folder}/{rank}.json', 'w') as file:
        json.dump(metrics, file)
    # Threads of gloo that still run when a process ends abort it.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_with_videos_of_unequal_length(
    make_faulty_video, evaluate, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    parts = [
        make_faulty_video('a', 5, seed=1),
        make_faulty_video('b', 2, seed=2),
    ]
    expected = evaluate(parts[0] + parts[1])
    torch.multiprocessing.spawn(
        evaluate_rank, (parts, str(tmp_path)), nprocs=2
    )
    for rank in (0, 1):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected
