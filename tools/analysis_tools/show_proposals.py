# Copyright (c) cape_mm contributors. All rights reserved.
"""Show what leads to the predictions of some episodes.

    python tools/analysis_tools/show_proposals.py CONFIG CHECKPOINT

For each query two images: `*_proposals.png`, the similarity map of every
keypoint with the proposed, the final and the true point, and
`*_attention.png`, which support keypoints each keypoint attends to in the last
layer of the decoder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_config,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config(parser, checkpoint=True)
    parser.add_argument('--mode', choices=['val', 'test'], default='test')
    parser.add_argument(
        '--num',
        type=positive,
        default=4,
        help='how many episodes, evenly chosen',
    )
    parser.add_argument(
        '--episodes',
        type=natural,
        nargs='+',
        help='numbers of episodes instead',
    )
    parser.add_argument(
        '--max-queries', type=positive, default=1, help='per episode'
    )
    parser.add_argument('--out-dir', default='work_dirs/show_proposals')
    return parser.parse_args()


def main() -> None:
    """Trace and draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.decoding_trace import show_proposals

    with one_line_errors():
        show_proposals(args)


if __name__ == '__main__':
    main()
