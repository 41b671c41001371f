# Copyright (c) cape_mm contributors. All rights reserved.
"""One of several processes that evaluate a metric together.

Spawned processes import their function by the name of its module. That of a
test file begins with ``tests``, a name that installed packages take as well
(sleap-io brings a package ``tests``); ``support`` is ours.
"""

from __future__ import annotations

import json
from typing import Sequence

import torch

from cape_mm.evaluation.metrics import PoseTrackMetric


def evaluate_rank(
    rank: int,
    frames_of_rank: Sequence[Sequence[dict]],
    keypoint_names: Sequence[str],
    folder: str,
) -> None:
    """Evaluates the videos of one rank, writes its metrics as JSON."""
    torch.distributed.init_process_group(
        'gloo',
        init_method=f'file://{folder}/rendezvous',
        rank=rank,
        world_size=len(frames_of_rank),
    )
    metric = PoseTrackMetric()
    metric.dataset_meta = dict(keypoint_names=keypoint_names)
    metric.process({}, frames_of_rank[rank])
    metrics = metric.evaluate(sum(map(len, frames_of_rank)))
    with open(f'{folder}/{rank}.json', 'w') as file:
        json.dump(metrics, file)
    # Threads of gloo that still run when a process ends abort it.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
