# Copyright (c) cape_mm contributors. All rights reserved.
"""The config of the page for other MMPose projects trains and is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cape_mm.datasets.synthetic import write_cephalograms

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'docs' / 'en' / 'examples' / 'own_project.py'
# MMPose's own launcher: nothing of cape_mm is imported by name.
TRAIN = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner
cfg = Config.fromfile(sys.argv[1])
cfg.work_dir = 'work'
for part in ('train', 'val'):
    cfg[f'{part}_dataloader'].dataset.data_root = sys.argv[2]
Runner.from_cfg(cfg).train()
"""


@pytest.mark.slow
def test_the_config_runs_in_a_project_that_imports_nothing_of_ours(tmp_path):
    root = tmp_path / 'small'
    write_cephalograms(root, train=8, val=4, test=1, image_height=64)
    answer = subprocess.run(
        [sys.executable, '-c', TRAIN, str(CONFIG), str(root)],
        cwd=str(tmp_path),
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout
    assert 'MRE' in answer.stdout
    assert (tmp_path / 'work' / 'epoch_2.pth').is_file()
