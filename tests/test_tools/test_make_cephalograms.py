# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOOL = (
    Path(__file__).resolve().parents[2]
    / 'tools/dataset_converters/make_cephalograms.py'
)


def run(folder, *args):
    sizes = ['--train', '3', '--val', '1', '--test', '1']
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
    assert '5 cephalograms written to out' in first.stdout
    assert len(list((tmp_path / 'out' / 'images').iterdir())) == 5

    assert 'complete already' in run(tmp_path).stdout

    for other in (run(tmp_path, '--seed', '3'), run(tmp_path, '--val', '2')):
        assert other.returncode == 1
        assert 'in another version or size' in other.stderr
        assert 'Traceback' not in other.stderr


def test_other_layouts(tmp_path):
    first = run(tmp_path, '--layout', 'isbi')
    assert '3 cephalograms written' in first.stdout, first.stderr
    assert (tmp_path / 'out/RawImage/TrainingData/003.bmp').is_file()
    second = run(tmp_path, '--layout', 'aariz')
    assert second.returncode == 1 and 'is not empty' in second.stderr
    (tmp_path / 'out').rename(tmp_path / 'isbi')
    assert run(tmp_path, '--layout', 'aariz').returncode == 0
    assert (tmp_path / 'out/cephalogram_machine_mappings.csv').is_file()
