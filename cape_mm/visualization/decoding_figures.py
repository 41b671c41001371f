# Copyright (c) cape_mm contributors. All rights reserved.
"""Figures of the steps to a prediction; they need no display."""

from __future__ import annotations

from typing import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_MARKERS = dict(
    truth=dict(marker='+', color='red', s=70, linewidths=1.8),
    proposal=dict(marker='o', facecolors='none', edgecolors='white', s=60),
    prediction=dict(marker='x', color='lime', s=42, linewidths=1.8),
)


def draw_proposals(
    support: tuple[np.ndarray, np.ndarray, np.ndarray],
    query: np.ndarray,
    maps: np.ndarray,
    points: dict,
    captions: Sequence[str],
    title: str,
    per_row: int = 6,
) -> np.ndarray:
    """Overlay the similarity map of every keypoint on the query.

    ``support`` is an image, its keypoints (K, 2) and the mask (K,) of the
    labelled ones; ``maps`` (K, h, w) are not negative; ``points`` holds
    (K, 2) ``truth``, ``proposal`` and ``prediction``, NaN where unknown.
    Images and the figure are (H, W, 3), uint8, RGB; keypoints normalised.
    """
    rows = -(-(len(maps) + 1) // per_row)
    height = 2.5 * rows + 0.5
    figure = Figure(figsize=(2.1 * per_row, height))
    figure.subplots_adjust(
        0.01, 0.01, 0.99, 1 - 0.9 / height, wspace=0.05, hspace=0.25
    )
    grid = figure.subplots(rows, per_row, squeeze=False).ravel()
    for axes in grid[len(maps) + 1 :]:
        axes.axis('off')
    image, marks, labelled = support
    _show(grid[0], image, 'support')
    for number in np.flatnonzero(labelled):
        grid[0].annotate(
            str(number),
            marks[number],
            fontsize=7,
            color='white',
            ha='center',
            va='center',
            bbox=dict(boxstyle='circle,pad=0.15', fc='black', lw=0),
        )
    for number, axes in enumerate(grid[1 : len(maps) + 1]):
        _show(axes, query, captions[number])
        share = maps[number] / max(maps[number].max(), 1e-12)
        axes.imshow(
            share,
            extent=(0, 1, 1, 0),
            cmap='inferno',
            alpha=0.15 + 0.7 * np.sqrt(share),
            aspect=query.shape[0] / query.shape[1],
            interpolation='nearest',
        )
        for name, style in _MARKERS.items():
            axes.scatter(*points[name][number], label=name, **style)
    line = 1 - 0.22 / height
    figure.text(0.01, line, title, fontsize=12, va='center')
    figure.legend(
        *grid[1].get_legend_handles_labels(),
        loc='center right',
        bbox_to_anchor=(0.99, line),
        ncol=len(_MARKERS),
        fontsize=9,
        facecolor='0.6',
    )
    return _to_array(figure)


def draw_attention(
    attention: np.ndarray, names: Sequence[str], title: str
) -> np.ndarray:
    """Draw the attention (K, K + 1) of K keypoints to those of the support.

    The last column is the stop token. The figure is (H, W, 3), uint8, RGB.
    """
    side = max(4.0, 0.22 * len(names) + 2)
    figure = Figure(figsize=(side + 1, side))
    axes = figure.subplots()
    image = axes.imshow(attention, cmap='viridis', vmin=0)
    labels = [f'{i} {name}' for i, name in enumerate(names)]
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xticks(
        range(len(labels) + 1), [*labels, 'stop'], fontsize=7, rotation=90
    )
    axes.set(ylabel='decoded keypoint', xlabel='support keypoint')
    axes.set_title(title, fontsize=10)
    figure.colorbar(image, fraction=0.04)
    figure.tight_layout()
    return _to_array(figure)


def _show(axes: Axes, image: np.ndarray, caption: str) -> None:
    """Draw an image in normalised coordinates."""
    aspect = image.shape[0] / image.shape[1]
    axes.imshow(image, extent=(0, 1, 1, 0), aspect=aspect)
    axes.set_title(caption, fontsize=8)
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0))


def _to_array(figure: Figure) -> np.ndarray:
    """The pixels of a figure (H, W, 3), uint8, RGB."""
    canvas = FigureCanvasAgg(figure)
    with matplotlib.rc_context({'figure.dpi': 100}):
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
