# Copyright (c) cape_mm contributors. All rights reserved.
"""Write an image of results of the demo: support on the left, predictions.

    make photos
    python docs/photo_montage.py docs/en/images/photos.jpg \
        work_dirs/photos/horse work_dirs/photos/sheep

Each folder of the demo, with its `predictions.json`, is a block of the image.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import mmcv  # noqa: E402
import numpy as np  # noqa: E402

from cape_mm.visualization.drawing import (  # noqa: E402
    draw_keypoints,
    draw_skeleton,
    join_panels,
    keypoint_colors,
    view_around_box,
    white_image,
)

_GAP = 4  # pixels between predictions


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='image to write')
    parser.add_argument('folders', type=Path, nargs='+', help='of the demo')
    parser.add_argument('--columns', type=int, default=3)
    parser.add_argument('--rows', type=int, default=2)
    parser.add_argument('--size', type=int, default=180, help='of a panel')
    return parser.parse_args()


def main() -> None:
    """Draw and write."""
    args = parse_args()
    figure = np.vstack([draw_block(folder, args) for folder in args.folders])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    mmcv.imwrite(figure[..., ::-1], str(args.out), [1, 82])
    print(f'{args.out}: {args.out.stat().st_size // 1024} KB')


def draw_block(folder: Path, args: argparse.Namespace) -> np.ndarray:
    """Image (H, W, 3), uint8, RGB, of a support and its predictions."""
    content = json.loads((folder / 'predictions.json').read_text('utf-8'))
    queries = content['queries'][: args.columns * args.rows]
    panels = [draw_panel(query, content, args.size) for query in queries]
    rows = []
    blank = white_image(args.size, args.size)
    panels += [blank] * (args.columns * args.rows - len(panels))
    for start in range(0, len(panels), args.columns):
        row = panels[start : start + args.columns]
        rows.append(_join(row, 1))
    grid = _join(rows, 0)
    support = draw_panel(content['supports'][0], content, len(grid))
    captions = 'one labelled image', 'found on others, without training'
    title = content['category']
    return join_panels(list(zip(captions, (support, grid))), title)


def draw_panel(member: dict, content: dict, size: int) -> np.ndarray:
    """Square view of a member's box, with its keypoints."""
    image = mmcv.imread(member['image'], channel_order='rgb')
    points = [point or [np.nan] * 2 for point in member['keypoints']]
    points = np.array(points, float)[:, :2]
    view = view_around_box(image, np.array(member['box']), size, 1.15)
    points, mask = view.to_panel(points), np.isfinite(points).all(1)
    draw_skeleton(view.image, points, mask, content.get('skeleton', []))
    colors = keypoint_colors(len(points))
    draw_keypoints(view.image, points, mask, colors)
    return view.image


def _join(images: list[np.ndarray], axis: int) -> np.ndarray:
    """Images of one size in a row (axis 1) or column, with gaps."""
    height, width = images[0].shape[:2]
    shape = (height, _GAP) if axis else (_GAP, width)
    parts = [part for image in images for part in (white_image(*shape), image)]
    return np.concatenate(parts[1:], axis)


if __name__ == '__main__':
    main()
