# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw the cephalograms with the largest errors, without the cephalograms.

    python tools/analysis_tools/draw_cephalograms.py CHECKPOINT \
        data/isbi2015/annotations/isbi2015_test1.json worst.png

The X-rays of most datasets may not be published; landmarks may. Predicted
landmarks with planes, and their 95 % radii if `calibrate_radii.py` wrote them,
and true ones as crosses.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import add_device, one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        'ann_file', type=Path, help='annotation file of the cephalograms'
    )
    parser.add_argument('out', type=Path, help='PNG file to write')
    parser.add_argument(
        '--count', type=positive, default=3, help='how many (default: 3)'
    )
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Predict all, draw the worst."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with one_line_errors():
        found = _predict(args)
        found.sort(key=lambda one: -one[0])
        figure = Figure(figsize=(4.2 * args.count, 5.2), dpi=90)
        canvas = FigureCanvasAgg(figure)
        for column, (mean, name, *drawn) in enumerate(found[: args.count]):
            axes = figure.add_subplot(1, args.count, column + 1)
            _draw(axes, *drawn)
            axes.set_title(f'{name}: mean error {mean:.1f} mm', fontsize=10)
        figure.tight_layout()
        canvas.print_png(str(args.out))


def _predict(args: argparse.Namespace) -> list[tuple]:
    """Mean error, name, result, true landmarks and errors (mm) of each."""
    from cape_mm.apis import CephalometricInferencer
    from cape_mm.datasets.datasets import CephalometricDataset
    from cape_mm.errors import DataError

    inferencer = CephalometricInferencer(args.checkpoint, device=args.device)
    dataset = CephalometricDataset.from_file(
        args.ann_file, inferencer.schema.name, test_mode=True
    )
    found = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if info['spacing'] is None:
            raise DataError(
                f'{args.ann_file}: {info["img_path"]} has no spacing, so '
                'there are no errors in mm'
            )
        (result,) = inferencer(info['img_path'], spacing=info['spacing'])
        valid = info['keypoints_visible'][0] > 0
        truth = info['keypoints'][0] * info['spacing']
        truth[~valid] = np.nan
        places = result.pred_instances.keypoints_mm[0]
        errors = np.linalg.norm(places - truth, axis=-1)
        name = Path(info['img_path']).stem
        found.append((errors[valid].mean(), name, result, truth, errors))
    return found


def _draw(axes: Any, result: Any, truth: np.ndarray, errors: np.ndarray):
    """Draw one cephalogram's landmarks, mm."""
    from matplotlib.patches import Circle

    from cape_mm.visualization.cephalometric_sheet import find_planes

    landmarks = result.pred_instances
    places = landmarks.keypoints_mm[0]
    points = dict(zip(result.landmark_codes, places))
    for plane, ends in find_planes(points):
        axes.plot(*ends.T, color=plane.color, linewidth=1.0)
    for place, radius in zip(places, landmarks.get('keypoint_radii', [()])[0]):
        axes.add_patch(Circle(place, radius, fill=False, edgecolor='grey'))
    for start, end in zip(places, truth):
        axes.plot(*np.stack([start, end]).T, color='black', linewidth=0.8)
    axes.plot(*places.T, 'o', color='tab:blue', markersize=4)
    axes.plot(*truth.T, 'x', color='tab:red', markersize=6)
    for (code, place), error in zip(points.items(), errors):
        text = f'{code} {error:.0f}' if error > 4 else code
        axes.annotate(
            text, place, xytext=(4, 4), textcoords='offset points', fontsize=7
        )
    axes.set_aspect('equal')
    axes.invert_yaxis()
    axes.axis('off')


if __name__ == '__main__':
    main()
