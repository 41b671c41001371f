# Copyright (c) cape_mm contributors. All rights reserved.
"""A cephalogram with landmarks, planes and measurements, on one sheet."""

from __future__ import annotations

from functools import partial
from textwrap import wrap
from typing import Iterator, Mapping, NamedTuple, Sequence

import cv2
import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from mmpose.structures import PoseDataSample

from cape_mm.evaluation.functional.cephalometric_norms import Norm, load_norms

_DPI = 100
_PANEL_INCHES = 4.4
_LINE_INCHES = 0.205
_FONT_SIZE = 8.5
_UNSURE = 0.5
_BAD = 'tab:red'
_VERDICTS = dict(
    low=('<', 'tab:blue'), high=('>', 'tab:red'), uncertain=('?', 'grey')
)
_DISCLAIMER = 'Not a medical device: for research only.'
_COLUMNS = ((0.03, 'left'), (0.46, 'right'), (0.52, 'left'), (0.97, 'right'))

_MARKER = dict(
    marker='o',
    markersize=5.5,
    markeredgecolor='black',
    markeredgewidth=0.7,
    zorder=4,
)
_CIRCLE = dict(fill=False, edgecolor='white', linewidth=0.9, zorder=3)
_LABEL = dict(
    color='white',
    fontsize=8,
    ha='center',
    va='center',
    path_effects=[patheffects.withStroke(linewidth=2.2, foreground='black')],
    zorder=5,
)
#: Colour of a landmark by its confidence from 0 to 1: red to green.
_CONFIDENCE = colormaps['RdYlGn']
_LABEL_OFFSET = 13.0  # typographic points


class Plane(NamedTuple):
    """A line that measurements refer to."""

    name: str
    start: tuple[str, ...]  # codes of landmarks whose mean is one end
    end: tuple[str, ...]
    color: str
    overhang: float = 0.08  # beyond both ends, as a share of their distance


PLANES = (
    Plane('S-N', ('S',), ('N',), 'deepskyblue'),
    Plane('Frankfort, Po-Or', ('Po',), ('Or',), 'orange', 0.2),
    Plane('palatal, PNS-ANS', ('PNS',), ('ANS',), 'violet', 0.2),
    Plane('occlusal', ('U6', 'L6'), ('U1', 'L1'), 'khaki', 0.15),
    Plane('occlusal', ('U6m', 'L6m'), ('U1', 'L1'), 'khaki', 0.15),
    Plane('mandibular, Go-Me', ('Go',), ('Me',), 'lime', 0.2),
    Plane('ramus, Ar-Go', ('Ar',), ('Go',), 'yellowgreen'),
    Plane('N-A', ('N',), ('A',), 'cyan'),
    Plane('N-B', ('N',), ('B',), 'slateblue'),
    Plane('facial, N-Pog', ('N',), ('Pog',), 'tan'),
    Plane('upper incisor', ('U1a',), ('U1',), 'red', 0.5),
    Plane('lower incisor', ('L1a',), ('L1',), 'tomato', 0.5),
    Plane("E-line, Prn-Pog'", ('Prn',), ("Pog'",), 'gold'),
)


class Line(NamedTuple):
    """A line of the panel: cells of a table, or a legend."""

    cells: Sequence[str] = ()
    color: str = 'black'
    weight: str = 'normal'
    planes: Sequence[Plane] = ()
    marks: Sequence[tuple[float, str]] = ()  # confidences, and their names


def find_planes(
    points: Mapping[str, np.ndarray],
) -> list[tuple[Plane, np.ndarray]]:
    """Planes whose landmarks (2,) are known, and the ends (2, 2) of lines."""
    found = []
    for plane in PLANES:
        if {*plane.start, *plane.end} <= points.keys():
            start, end = (
                np.mean([points[code] for code in codes], axis=0)
                for codes in (plane.start, plane.end)
            )
            rim = plane.overhang * (end - start)
            found.append((plane, np.stack([start - rim, end + rim])))
    return found


def draw_sheet(
    image: np.ndarray,
    result: PoseDataSample,
    title: str = '',
    norms: Mapping[str, Norm] | None = None,
    height: int = 1000,
) -> np.ndarray:
    """Draw a cephalogram with its landmarks, planes and measurements.

    A landmark is green where the model is certain and red where it is not;
    with a calibration, the circle around it is its 95 % radius. Measurements
    outside of their customary band are blue below and red above it, and grey
    where their 95 % interval reaches across an end of the band.

    Args:
        image (np.ndarray): Cephalogram (H, W) or (H, W, C), uint8, BGR.
        result (PoseDataSample): Result of :class:`CephalometricInferencer`.
        title (str): Text above the measurements. Defaults to none.
        norms (Mapping[str, Norm], optional): Norms of the measurements.
            Defaults to the customary norms.
        height (int): Height of the sheet in pixels. Defaults to 1000.

    Returns:
        np.ndarray: Sheet (height, W', 3), uint8, RGB: the cephalogram with its
        aspect ratio, and a panel of text at its right.
    """
    norms = load_norms() if norms is None else norms
    cephalogram = _to_rgb(image)
    rows, columns = cephalogram.shape[:2]
    tall = height / _DPI
    wide = tall * columns / rows
    figure = Figure(figsize=(wide + _PANEL_INCHES, tall), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    share = wide / (wide + _PANEL_INCHES)
    axes = figure.add_axes([0, 0, share, 1])
    axes.imshow(cephalogram, interpolation='bicubic', aspect='auto')
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.axis('off')
    landmarks = result.pred_instances
    points = dict(zip(result.landmark_codes, landmarks.keypoints[0]))
    scores = dict(zip(points, landmarks.keypoint_scores[0].tolist()))
    planes = find_planes(points)
    for plane, ends in planes:
        style = dict(color=plane.color, linewidth=1.1, alpha=0.9, zorder=2)
        axes.plot(*ends.T, **style)
    if 'keypoint_radii' in landmarks:
        scale = 1.0 if result.spacing is None else result.spacing
        _draw_radii(axes, points, landmarks.keypoint_radii[0], scale)
    _draw_landmarks(axes, points, scores)

    panel = figure.add_axes([share, 0, 1 - share, 1])
    panel.set(xlim=(0, 1), ylim=(1, 0))
    panel.axis('off')
    legend = [plane for plane, _ in planes]
    lines = [
        *_describe_cephalogram(result, title, scores),
        Line(),
        *(Line(planes=legend[n : n + 2]) for n in range(0, len(legend), 2)),
        *_explain_landmarks('keypoint_radii' in landmarks),
        Line(),
        *_list_measurements(result.measurements, norms),
    ]
    step = min(_LINE_INCHES / tall, 1 / (len(lines) + 1))
    text = partial(panel.text, fontsize=_FONT_SIZE, va='center')
    for number, line in enumerate(lines, start=1):
        y = number * step
        for (x, side), cell in zip(_COLUMNS, line.cells):
            text(x, y, cell, ha=side, color=line.color, weight=line.weight)
        for x, plane in zip((0.03, 0.51), line.planes):
            ends = [x, x + 0.07], [y, y]
            panel.add_line(Line2D(*ends, color=plane.color, linewidth=3))
            text(x + 0.09, y, plane.name)
        for x, (score, name) in zip((0.05, 0.22, 0.39), line.marks):
            panel.plot(x, y, color=_CONFIDENCE(score), **_MARKER)
            text(x + 0.03, y, name)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _to_rgb(image: np.ndarray) -> np.ndarray:
    """An image of 1, 3 or 4 channels as RGB."""
    if image.ndim == 2:
        image = image[..., None]
    code = {
        1: cv2.COLOR_GRAY2RGB,
        3: cv2.COLOR_BGR2RGB,
        4: cv2.COLOR_BGRA2RGB,
    }[image.shape[2]]
    return cv2.cvtColor(np.ascontiguousarray(image), code)


def _describe_cephalogram(
    result: PoseDataSample, title: str, scores: Mapping[str, float]
) -> Iterator[Line]:
    """The title, the spacing, and warnings."""
    yield from _paragraph(title)
    if result.spacing is None:
        yield from _paragraph('spacing unknown: no millimetres', _BAD)
    else:
        x, y = result.spacing.tolist()
        text = f'{x:.4g}' if x == y else f'{x:.4g} x {y:.4g}'
        yield from _paragraph(f'{text} mm/px ({result.spacing_source})')
    for note in result.notes:
        yield from _paragraph(note, _BAD)
    unsure = [code for code in scores if scores[code] < _UNSURE]
    if unsure:
        text = f'confidence below {_UNSURE:g}: {", ".join(unsure)}'
        yield from _paragraph(text, _BAD)
    yield from _paragraph(_DISCLAIMER)


def _explain_landmarks(has_radii: bool) -> Iterator[Line]:
    """Legend of points and circles."""
    marks = [(score, f'{score:g}') for score in (0.0, 0.5, 1.0)]
    yield Line(('', '', 'confidence of a landmark'), marks=marks)
    if has_radii:
        yield from _paragraph('circle: 95 % radius of a landmark')
    else:
        yield from _paragraph(
            'no 95 % radii: not calibrated (calibrate_radii.py)', 'grey'
        )


def _list_measurements(
    measurements: Mapping[str, object], norms: Mapping[str, Norm]
) -> Iterator[Line]:
    """The measurements, and the names of those that lack landmarks."""
    head = ('measurement', 'value', '', 'customary')
    yield Line(head, weight='bold')
    lacking, is_any_uncertain = [], False
    for name, measurement in measurements.items():
        if measurement.value is None:
            lacking.append(name)
            continue
        norm = norms.get(name)
        verdict = ''
        if norm is not None:
            verdict = norm.judge(measurement.value, measurement.margin)
        is_any_uncertain |= verdict == 'uncertain'
        mark, color = _VERDICTS.get(verdict, ('', 'black'))
        cells = (name, str(measurement), mark, _describe_norm(norm))
        yield Line(cells, color)
    if is_any_uncertain:
        yield from _paragraph(
            '? uncertain: the 95 % interval crosses a limit', 'grey'
        )
    if lacking:
        yield Line()
        yield from _paragraph(f'not available: {", ".join(lacking)}', 'grey')


def _paragraph(text: str, color: str = 'black') -> Iterator[Line]:
    """The lines of a text, none for an empty one."""
    for line in wrap(text, width=58):
        yield Line((line,), color)


def _describe_norm(norm: Norm | None) -> str:
    """The customary band, else the mean, '' where neither is known."""
    if norm is not None and norm.band is not None:
        return f'{norm.band[0]:g} to {norm.band[1]:g}'
    return '' if norm is None or norm.mean is None else f'{norm.mean:g}'


def _draw_radii(
    axes: Axes,
    points: Mapping[str, np.ndarray],
    radii: np.ndarray,
    scale: np.ndarray | float,
) -> None:
    """Draw radii (K,) as circles; scale is their unit by pixel, (2,)."""
    diameters = 2 * radii[:, None] / np.broadcast_to(scale, 2)  # (K, 2)
    for place, (width, height) in zip(points.values(), diameters):
        axes.add_patch(Ellipse(place, width, height, **_CIRCLE))


def _draw_landmarks(
    axes: Axes, points: Mapping[str, np.ndarray], scores: Mapping[str, float]
) -> None:
    """Draw landmarks in the colours of their confidence, and their codes."""
    places = np.array([*points.values()]).reshape(-1, 2)
    for code, place, direction in zip(points, places, _away(places)):
        score = float(np.clip(scores[code], 0, 1))
        axes.plot(*place, color=_CONFIDENCE(score), **_MARKER)
        offset = direction * _LABEL_OFFSET * (1, -1)
        axes.annotate(
            code, place, xytext=offset, textcoords='offset points', **_LABEL
        )


def _away(places: np.ndarray) -> np.ndarray:
    """Directions (N, 2) from each place (N, 2) away from its neighbours."""
    places = places.astype(np.float64)
    gaps = places[:, None] - places  # (N, N, 2)
    # what is nearest counts most; places that coincide do not count
    squares = (gaps**2).sum(axis=-1, keepdims=True)
    push = (gaps / np.where(squares > 0, squares, np.inf)).sum(axis=1)
    length = np.linalg.norm(push, axis=1, keepdims=True)
    push = np.where(length > 0, push, [0.0, -1.0])  # else upwards
    return push / np.where(length > 0, length, 1.0)
