# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
import torch.multiprocessing
from support.metric_process import evaluate_rank

NAMES = ['nose', 'left_wrist', 'right_wrist']


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
        evaluate_rank, (parts, NAMES, str(tmp_path)), nprocs=2
    )
    for rank in (0, 1):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected
