# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import pytest
from support.clip_samples import AUGMENTING, PLAIN, write_videos

TOOL = 'analysis_tools/browse_clips.py'


@pytest.fixture
def config(tmp_path):
    train = dict(write_videos(tmp_path / 'data'), num_windows=2)
    train['pipeline'] = AUGMENTING
    test = dict(train, num_windows=1, test_mode=True, pipeline=PLAIN)
    path = tmp_path / 'config.py'
    path.write_text(
        f"default_scope = 'mmpose'\n"
        f'train_dataloader = dict(dataset={train})\n'
        f'val_dataloader = dict(dataset={test})\n'
    )
    return path


def test_draws_a_row_per_window(config, tmp_path, call_tool, capsys):
    out = tmp_path / 'out'
    call_tool(TOOL, config, '--num', 3, '--size', 64, '--out-dir', out)
    images = sorted(out.iterdir())
    assert len(images) == 3
    image = cv2.imread(str(images[0]))
    assert image.shape[0] > 2 * 64 and image.shape[1] > 3 * 40
    assert '2 window(s) of 3 frame(s)' in capsys.readouterr().out


def test_draws_frames_to_test(config, tmp_path, call_tool):
    out = tmp_path / 'out'
    call_tool(TOOL, config, '--mode', 'val', '--num', 2, '--out-dir', out)
    names = sorted(path.name for path in out.iterdir())
    assert names == ['val_000000_000001_a.png', 'val_000005_000001_a.png']


def test_a_config_without_such_data_is_named(config, call_tool):
    with pytest.raises(SystemExit, match='no test_dataloader'):
        call_tool(TOOL, config, '--mode', 'test')
