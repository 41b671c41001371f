# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare the time of autoregressive and parallel prediction.

    python tools/analysis_tools/benchmark_decoding.py CONFIG [CONFIG ...]

The whole prediction of one query from one support is timed: backbone, support
encoder, decoder. Weights are random, and those that begin with zeros too:
with zeros, no keypoint would depend on another one. Both kinds of decoding
take turns, so that a change of the machine's speed meets both alike. Decoding
with a cache is also compared with decoding all steps anew.
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
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument('--keypoints', type=int, default=17)
    parser.add_argument(
        '--input-size', type=int, default=256, help='side in pixels'
    )
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=20)
    return parser.parse_args()


def main() -> None:
    """Time all configs."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.benchmarks import benchmark_decoding

    with one_line_errors():
        benchmark_decoding(args)


if __name__ == '__main__':
    main()
