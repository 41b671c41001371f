# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOOL = (
    Path(__file__).resolve().parents[2]
    / 'tools/dataset_converters/make_creatures.py'
)


def run(folder, *args):
    sizes = [
        '--train',
        '1',
        '2',
        '--val',
        '1',
        '1',
        '--test',
        '1',
        '1',
        '--image-size',
        '48',
    ]
    return subprocess.run(
        [sys.executable, str(TOOL), 'out', *sizes, *args],
        cwd=str(folder),
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_writes_the_required_size_once_and_refuses_another(tmp_path):
    first = run(tmp_path)
    assert first.returncode == 0, first.stderr
    assert '4 images written to out' in first.stdout
    images = list((tmp_path / 'out' / 'images').rglob('*.jpg'))
    assert len(images) == 4

    assert 'complete already' in run(tmp_path).stdout

    other = run(tmp_path, '--seed', '3')
    assert other.returncode == 1
    assert 'seed: 0 instead of 3' in other.stderr
    assert 'Traceback' not in other.stderr
