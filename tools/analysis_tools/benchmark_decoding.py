# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare the time of two ways of prediction.

    python tools/analysis_tools/benchmark_decoding.py CONFIG [CONFIG ...]

The whole prediction of queries from one support is timed: backbone, support
encoder, decoder. Weights are random, and those that begin with zeros too:
with zeros, no keypoint would depend on another one. Both ways take turns, so
that a change of the machine's speed meets both alike.

Autoregressive models predict all keypoints at once or one by one, where
decoding with a cache is also compared with decoding all steps anew. The other
methods compute present keypoints with the support encoded once, or, as their
authors' code, all slots with the support encoded for each query:

    python tools/analysis_tools/benchmark_decoding.py --queries 15 \
        configs/capeformer/capeformer_r50_1xb16-200e_mp100-split1-256x256.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument('--keypoints', type=positive, default=17)
    parser.add_argument(
        '--input-size', type=positive, default=256, help='side in pixels'
    )
    parser.add_argument(
        '--queries', type=positive, default=1, help='queries of the support'
    )
    parser.add_argument('--threads', type=positive, default=2)
    parser.add_argument('--repeats', type=positive, default=20)
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
