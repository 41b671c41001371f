# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from cape_mm.visualization import EpisodeVisualizer

MANAGERS = (
    *(MMLogger, MessageHub, DefaultScope),
    *(Visualizer, EpisodeVisualizer),
)
TESTS = Path(__file__).resolve().parents[1]
TOOLS = TESTS.parent / 'tools'


def _clear_singletons():
    for manager in MANAGERS:
        manager._instance_dict.clear()


@pytest.fixture
def toy_config() -> str:
    return str(TESTS / 'support' / 'toy_config.py')


@pytest.fixture
def call_tool(monkeypatch):
    """Run ``tools/NAME`` in this process, as from the command line."""

    def call(name, *args):
        _clear_singletons()
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        monkeypatch.setattr(sys, 'path', list(sys.path))
        runpy.run_path(str(TOOLS / name), run_name='__main__')

    yield call
    _clear_singletons()


@pytest.fixture
def start_tool():
    """Run ``tools/NAME`` in a process of its own; returns its output."""

    def start(name, *args, cwd=None):
        env = dict(os.environ, PYTHONPATH=str(TESTS))
        done = subprocess.run(
            [sys.executable, str(TOOLS / name), *map(str, args)],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return start


@pytest.fixture
def modules_after_help():
    """Names of the modules that ``tools/NAME -h`` has imported."""

    def names(name):
        code = (
            'import runpy, sys\n'
            f'sys.argv = [{name!r}, "-h"]\n'
            'try:\n'
            f'    runpy.run_path({str(TOOLS / name)!r}, run_name="__main__")\n'
            'except SystemExit as error:\n'
            '    assert not error.code\n'
            'print("MODULES", *sys.modules)'
        )
        done = subprocess.run(
            [sys.executable, '-c', code], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split('MODULES')[1].split()

    return names
