# Copyright (c) cape_mm contributors. All rights reserved.
"""Plot loss, PCK and the teacher-forcing gap of one or more runs.

    python tools/analysis_tools/plot_training.py WORK_DIR [WORK_DIR ...]

Reads MMEngine's `scalars.json`. Of a working directory the newest run is
taken; a log file or a `scalars.json` means that run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'runs', nargs='+', help='working directories or log files'
    )
    parser.add_argument(
        '--out', default='training.png', help='default: training.png'
    )
    return parser.parse_args()


def main() -> None:
    """Read and plot."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.training_curves import plot_training

    with one_line_errors():
        plot_training(args)


if __name__ == '__main__':
    main()
