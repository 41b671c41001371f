# Copyright (c) cape_mm contributors. All rights reserved.
r"""Write the vectors of keypoint descriptions, for models that read text.

    python tools/dataset_converters/describe_keypoints.py data/text.npz \
        --annotations data/mp100/annotations/mp100_split1_*.json \
        --model thenlper/gte-base

A description is a keypoint's name. Called again, it adds what is missing.
Vectors have the size that the model of the config reads (`text_channels`): 768
for the configs of MP-100. Models need `pip install 'cape_mm[text]'`; code that
comes with a model is not run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('table', type=Path, help='file .npz, new or not')
    parser.add_argument(
        '--annotations',
        nargs='+',
        type=Path,
        default=[],
        metavar='JSON',
        help='COCO files whose keypoint names are described',
    )
    parser.add_argument(
        '--add',
        nargs='+',
        default=[],
        metavar='TEXT',
        help='further descriptions',
    )
    parser.add_argument(
        '--model',
        help='name or folder of a sentence-transformers model, or "trigrams": '
        'counts of letters, without any model (default: that of the table)',
    )
    return parser.parse_args()


def main() -> None:
    """Write the table and say what it holds."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.cli.keypoint_descriptions import describe_keypoints

    with one_line_errors():
        table, new = describe_keypoints(
            args.table, args.annotations, args.add, args.model
        )
    count, size = table.vectors.shape
    print(
        f'{args.table}: {count} descriptions, {new} of them new, vectors of '
        f'{size} numbers by {table.model}'
    )


if __name__ == '__main__':
    main()
