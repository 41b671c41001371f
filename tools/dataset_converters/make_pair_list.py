# Copyright (c) cape_mm contributors. All rights reserved.
"""Write, or check, the list of pairs that an annotation file is tested on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import natural, one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Draw the pairs of the MP-100 protocol from an annotation '
        'file, exactly as the published code does, and write them as JSON. '
        'Images are not read.'
    )
    parser.add_argument('ann_file', help='e.g. mp100_split1_test.json')
    parser.add_argument('--out', help='file to write')
    parser.add_argument(
        '--verify', metavar='FILE', help='compare with this list instead'
    )
    parser.add_argument('--shots', type=positive, default=1, help='default: 1')
    parser.add_argument(
        '--queries', type=positive, default=15, help='default: 15'
    )
    parser.add_argument(
        '--episodes',
        type=positive,
        help='per category (default: 100 if the name of the annotation file '
        'ends in _val.json, else 200)',
    )
    parser.add_argument(
        '--seed', type=natural, default=1, help='default: 1, the published one'
    )
    parser.add_argument(
        '--skip-small',
        action='store_true',
        help='leave out categories with too few instances instead of stopping',
    )
    args = parser.parse_args()
    if args.out is None and args.verify is None:
        parser.error('give --out or --verify')
    if args.episodes is None:
        is_val = Path(args.ann_file).stem.endswith('_val')
        args.episodes = 100 if is_val else 200
    return args


def main() -> None:
    """Write or compare the list and print its hash."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.mp100.pair_list import (
        PairList,
        make_pair_list,
    )

    with one_line_errors():
        pairs = make_pair_list(
            args.ann_file,
            args.shots,
            args.queries,
            args.episodes,
            args.seed,
            args.skip_small,
        )
        other = PairList.load(args.verify) if args.verify else pairs
    if other != pairs:
        sys.exit(
            f'{args.verify} ({other.sha256}) is not the list of '
            f'{args.ann_file} ({pairs.sha256})'
        )
    if args.verify:
        print(f'{args.verify} is the list of {args.ann_file}')
    skipped = pairs.origin['skipped_categories']
    if skipped:
        need = args.shots + args.queries
        print(f'Left out: categories {skipped}, fewer than {need} instances')
    if args.out:
        with one_line_errors():
            pairs.save(args.out)
    print(
        f'{pairs.num_pairs} pairs in {len(pairs.episodes)} episodes of '
        f'{args.shots} shot(s) and {args.queries} queries'
    )
    print(f'sha256 {pairs.sha256}')


if __name__ == '__main__':
    main()
