# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw episodes as the model gets them, after augmentation.

    python tools/analysis_tools/browse_episodes.py CONFIG

One image per episode: supports, then queries, drawn from the input tensors
with the labels of the loss.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import add_browsing, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_browsing(parser, 'work_dirs/browse_episodes')
    return parser.parse_args()


def main() -> None:
    """Draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.episodes import browse
    from cape_mm.visualization.model_inputs import draw_episode_input

    with one_line_errors():
        browse(
            args,
            '{mode}_{number:05d}_{sample.category_id}',
            lambda sample, dataset: draw_episode_input(sample, args.size),
        )


if __name__ == '__main__':
    main()
