# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw clips of videos as the model gets them, after augmentation.

    python tools/analysis_tools/browse_clips.py CONFIG

One image per clip: a row per window, its frames side by side, drawn from the
input tensors with the labels of the loss. A colour is an identity.
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
    add_browsing(parser, 'work_dirs/browse_clips')
    return parser.parse_args()


def main() -> None:
    """Draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.episodes import browse
    from cape_mm.datasets.datasets import PoseTrackClipDataset
    from cape_mm.visualization.model_inputs import draw_clip_input

    with one_line_errors():
        browse(
            args,
            '{mode}_{number:06d}_{sample.video_id}',
            lambda sample, dataset: draw_clip_input(
                sample, dataset.metainfo['skeleton_links'], args.size
            ),
            PoseTrackClipDataset,
        )


if __name__ == '__main__':
    main()
