# Copyright (c) cape_mm contributors. All rights reserved.
"""Time and memory of training steps of a model for clips.

    python tools/analysis_tools/benchmark_clip_step.py CONFIG

Builds the model of the config with random weights and lets it learn from
clips of noise with a few made-up persons: forward, backward, one update of the
optimiser. No data are needed. Each call measures one setting: the peak of the
memory of a process does not fall again. To see what a window without gradient
saves, call it twice, the second time with `--no-grad-windows 1`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import natural, one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--size', type=positive, default=800, help='side in pixels'
    )
    parser.add_argument('--windows', type=positive, default=2, help='T')
    parser.add_argument('--batch-size', type=positive, default=1)
    parser.add_argument('--persons', type=positive, default=4)
    parser.add_argument(
        '--no-grad-windows',
        type=natural,
        default=0,
        help='first windows without gradient (default: 0)',
    )
    parser.add_argument('--steps', type=positive, default=2)
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--amp', action='store_true', help='in mixed precision'
    )
    args = parser.parse_args()
    if args.no_grad_windows >= args.windows:
        parser.error('--no-grad-windows must leave a window to learn from')
    if args.amp and args.device == 'cpu':
        parser.error('--amp needs a GPU: --device cuda')
    return args


def main() -> None:
    """Measure, and print a line for each step."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.benchmarks import benchmark_clip_step

    with one_line_errors():
        benchmark_clip_step(args)


if __name__ == '__main__':
    main()
