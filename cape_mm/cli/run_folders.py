# Copyright (c) cape_mm contributors. All rights reserved.
"""Run tools one after the other, as scripts that compare trainings do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence


def run_tool(arguments: Sequence[str], output: Path) -> None:
    """Run a tool in a process of its own, its output into a file.

    Args:
        arguments (Sequence[str]): Command line, beginning with the program.
        output (Path): Where its output is appended.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open('a') as file:
        subprocess.run(
            list(arguments),
            check=True,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, PYTHON=sys.executable),
        )


def find_best(folder: Path) -> Path:
    """Best checkpoint of a training.

    Args:
        folder (Path): Its working directory.

    Returns:
        Path: ``best_PCK_epoch_<largest>.pth``.

    Raises:
        FileNotFoundError: If there is none.
    """
    found = sorted(
        folder.glob('best_PCK_epoch_*.pth'),
        key=lambda path: int(path.stem.rpartition('_')[2]),
    )
    if not found:
        raise FileNotFoundError(f'no best_PCK_epoch_*.pth in {folder}')
    return found[-1]
