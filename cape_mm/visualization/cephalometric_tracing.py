# Copyright (c) cape_mm contributors. All rights reserved.
"""Landmarks and planes on a lateral X-ray, drawn without a display."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes

_OUTLINE = [patheffects.withStroke(linewidth=2.2, foreground='black')]
#: Colour of a landmark by its confidence from 0 to 1: red to green.
_CONFIDENCE = colormaps['RdYlGn']
_LABEL_OFFSET = 13.0  # typographic points


class Plane(NamedTuple):
    """A line that measurements refer to.

    Attributes:
        name (str): For the legend.
        start (Tuple[str, ...]): Codes of the landmarks whose mean it starts
            from.
        end (Tuple[str, ...]): Where it leads to.
        color (str): Of matplotlib.
        overhang (float): How far it is drawn beyond both, as a share of
            their distance.
    """

    name: str
    start: tuple[str, ...]
    end: tuple[str, ...]
    color: str
    overhang: float = 0.08


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


def find_planes(
    points: Mapping[str, np.ndarray],
) -> list[tuple[Plane, np.ndarray]]:
    """Place the planes whose landmarks are there.

    Args:
        points (Mapping[str, np.ndarray]): Code -> (2,) x, y in any unit.

    Returns:
        List[Tuple[Plane, np.ndarray]]: Planes and both ends (2, 2) of what is
        to be drawn, in the same unit.
    """
    found = []
    for plane in PLANES:
        if not {*plane.start, *plane.end} <= points.keys():
            continue
        start, end = (
            np.mean([points[code] for code in codes], axis=0)
            for codes in (plane.start, plane.end)
        )
        rim = plane.overhang * (end - start)
        found.append((plane, np.stack([start - rim, end + rim])))
    return found


def trace_landmarks(
    axes: Axes,
    points: Mapping[str, np.ndarray],
    scores: Mapping[str, float] | None = None,
) -> list[Plane]:
    """Draw planes, landmarks and their codes into axes that show a image.

    Args:
        axes (Axes): In pixels of the cephalogram.
        points (Mapping[str, np.ndarray]): Code -> (2,) x, y in pixels.
        scores (Mapping[str, float], optional): Code -> confidence, which
            colours the landmark. Defaults to none, all alike.

    Returns:
        List[Plane]: The planes that have been drawn.
    """
    drawn = []
    for plane, ends in find_planes(points):
        axes.plot(
            *ends.T, color=plane.color, linewidth=1.1, alpha=0.9, zorder=2
        )
        drawn.append(plane)
    places = np.array([points[code] for code in points]).reshape(-1, 2)
    for (code, place), direction in zip(points.items(), _away(places)):
        score = 1.0 if scores is None else scores[code]
        axes.plot(
            *place,
            marker='o',
            markersize=5.5,
            markeredgecolor='black',
            markeredgewidth=0.7,
            color=_CONFIDENCE(float(np.clip(score, 0, 1))),
            zorder=4,
        )
        axes.annotate(
            code,
            place,
            xytext=direction * _LABEL_OFFSET * (1, -1),
            textcoords='offset points',
            ha='center',
            va='center',
            color='white',
            fontsize=8,
            path_effects=_OUTLINE,
            zorder=5,
        )
    return drawn


def _away(places: Sequence[np.ndarray]) -> np.ndarray:
    """Directions (N, 2) from each place to where its neighbours are not."""
    places = np.asarray(places, dtype=np.float64)
    gaps = places[:, None] - places[None]
    # what is nearest counts most; places that coincide do not count
    squares = (gaps**2).sum(axis=-1, keepdims=True)
    push = (gaps / np.where(squares > 0, squares, np.inf)).sum(axis=1)
    length = np.linalg.norm(push, axis=1, keepdims=True)
    push = np.where(length > 0, push, [0.0, -1.0])  # else upwards
    return push / np.where(length > 0, length, 1.0)
