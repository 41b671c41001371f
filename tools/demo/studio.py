# Copyright (c) cape_mm contributors. All rights reserved.
"""Label one image, predict the rest, correct, export: a page in the browser.

    python tools/demo/studio.py [FOLDER OF IMAGES]

The page is for this machine alone, and asks no other one. Labels are saved
after every action in `annotations/project.json` in the folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import add_device, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Label one image, predict the rest, correct, export'
    )
    parser.add_argument('folder', nargs='?', help='folder of images')
    parser.add_argument(
        '--annotations', help='file or folder of an annotation tool to import'
    )
    parser.add_argument('--category', help='the kind of object')
    parser.add_argument(
        '--checkpoint', help='default: the matcher, which needs none'
    )
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    add_device(parser)
    parser.add_argument(
        '--listen',
        default='127.0.0.1',
        metavar='HOST',
        help='host to listen to, e.g. 0.0.0.0 for a phone in the same network '
        '(default: this machine alone)',
    )
    parser.add_argument(
        '--password-env',
        metavar='VARIABLE',
        help='variable of the environment with the password, which --listen '
        'needs',
    )
    parser.add_argument(
        '--port', type=int, help='default: the first free one from 7860'
    )
    return parser.parse_args()


def main() -> None:
    """Serve the page."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.studio.server import serve

    with one_line_errors():
        serve(args)


if __name__ == '__main__':
    main()
