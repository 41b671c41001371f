# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw the cephalograms with the largest errors, without the cephalograms.

    python docs/cephalogram_drawings.py CHECKPOINT ANN_FILE OUT.png

The X-rays of most datasets may not be published; landmarks may. Predicted
landmarks with their 95 % radii and planes, and true ones as crosses.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cape_mm.apis import CephalometricInferencer
from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.visualization.cephalometric_sheet import find_planes

_COUNT = 3


def main() -> None:
    """Predict all, draw the worst."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='with radii beside it')
    parser.add_argument('ann_file', type=Path)
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    inferencer = CephalometricInferencer(args.checkpoint)
    dataset = CephalometricDataset(
        ann_file=str(args.ann_file.resolve()),
        schema=inferencer.schema.name,
        data_prefix=dict(
            img=str(args.ann_file.resolve().parents[1] / 'images')
        ),
        test_mode=True,
    )
    found = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        (result,) = inferencer(info['img_path'], spacing=info['spacing'])
        truth = info['keypoints'][0] * info['spacing']
        places = result.pred_instances.keypoints_mm[0]
        errors = np.linalg.norm(places - truth, axis=-1)
        found.append((errors.mean(), index, result, truth, errors))
    found.sort(key=lambda one: -one[0])
    figure = Figure(figsize=(4.2 * _COUNT, 5.2), dpi=90)
    canvas = FigureCanvasAgg(figure)
    for column, (mean, index, result, truth, errors) in enumerate(
        found[:_COUNT]
    ):
        axes = figure.add_subplot(1, _COUNT, column + 1)
        _draw(axes, result, truth, errors)
        name = Path(dataset.get_data_info(index)['img_path']).stem
        axes.set_title(f'{name}: mean error {mean:.1f} mm', fontsize=10)
    figure.tight_layout()
    canvas.print_png(str(args.out))


def _draw(axes, result, truth: np.ndarray, errors: np.ndarray) -> None:
    """Draw one cephalogram's landmarks, mm."""
    landmarks = result.pred_instances
    points = dict(zip(result.landmark_codes, landmarks.keypoints_mm[0]))
    for plane, ends in find_planes(points):
        axes.plot(*ends.T, color=plane.color, linewidth=1.0)
    for place, radius in zip(points.values(), landmarks.keypoint_radii[0]):
        axes.add_patch(Circle(place, radius, fill=False, edgecolor='grey'))
    places = np.stack([*points.values()])
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
