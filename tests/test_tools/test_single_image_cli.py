# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'cape' / 'single_image.py'


@pytest.mark.slow
def test_single_image_is_trained_and_tested_from_the_command_line(
    mp100_mini, start_tool, tmp_path, monkeypatch
):
    monkeypatch.setenv('CAPE_DATA_ROOT', str(mp100_mini))
    monkeypatch.setenv(
        'CAPE_ANN_FILE', 'annotations/extra_outside_splits.json'
    )
    monkeypatch.setenv('CAPE_CATEGORY', '17')
    monkeypatch.delenv('CAPE_IMAGE_INDEX', raising=False)
    options = ['--cfg-options', 'train_cfg.max_epochs=2']
    options.append('train_dataloader.dataset.num_episodes=4')

    out = start_tool('train.py', CONFIG, *options, cwd=tmp_path)
    assert "category: 17 'antelope_body'" in out
    assert '(same image, autoregressive)' in out

    work_dir = tmp_path / 'work_dirs' / 'single_image'
    best = next(work_dir.glob('best_PCK_epoch_*.pth'))
    content = torch.load(best, weights_only=True)
    best_score = content['message_hub']['runtime_info']['best_score']

    flags = ['--out', 'metrics.json', '--show-dir', 'images']
    start_tool('test.py', CONFIG, best, *flags, *options, cwd=tmp_path)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['PCK'] == best_score
    assert os.listdir(tmp_path / 'images') == ['17_82_82_0000.png']
    image = cv2.imread(str(tmp_path / 'images' / '17_82_82_0000.png'))
    assert image.shape[1] > 3 * 384
