# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw a stick figure, and find out which of its joints are seen."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..scenery import SHIFT, Color, fill, shade
from .figure import ProjectedFigure

#: Labels of a person in the map of owners: 16 per person, beginning with 1.
PARTS_PER_PERSON = 16
(
    HEAD,
    TORSO,
    UPPER_ARMS,
    FOREARMS,
    THIGHS,
    SHINS,
) = (0, 1, (2, 3), (4, 5), (6, 7), (8, 9))
# By which parts a joint is seen, in the order of JOINTS.
_PARTS_OF_JOINT = (
    (HEAD,),
    (HEAD, TORSO),
    (HEAD,),
    *((TORSO, UPPER_ARMS[side]) for side in (0, 1)),
    *((UPPER_ARMS[side], FOREARMS[side]) for side in (0, 1)),
    *((FOREARMS[side],) for side in (0, 1)),
    *((TORSO, THIGHS[side]) for side in (0, 1)),
    *((THIGHS[side], SHINS[side]) for side in (0, 1)),
    *((SHINS[side],) for side in (0, 1)),
)
# A face that is turned further away is not seen.
_FACE_SEEN = -0.2


class _Limb(NamedTuple):
    part: int
    start: int
    end: int
    color: Color
    thickness: float


def draw_figure(
    image: np.ndarray,
    owner: np.ndarray,
    figure: ProjectedFigure,
    moment: int,
    number: int,
    offset_px: np.ndarray,
) -> None:
    """Draw a person, far parts first.

    Args:
        image (np.ndarray): (H, W, 3) uint8, changed in place.
        owner (np.ndarray): (H, W) uint8, who is seen at a pixel; changed in
            place.
        figure (ProjectedFigure): The person.
        moment (int): Which of its M moments.
        number (int): Its number in the scene, below 15.
        offset_px (np.ndarray): (2,) upper left corner of the image in the
            scene.
    """
    points = figure.joints_px[moment] - offset_px
    depth = figure.depth[moment]
    scale = figure.scale[moment]
    first = 1 + PARTS_PER_PERSON * number
    steps = [
        (float(depth[[limb.start, limb.end]].mean()), limb)
        for limb in _limbs(figure)
    ]
    # The trunk and the head are in the middle of the person.
    steps += [(0.0, None)]
    for nearness, limb in sorted(steps, key=lambda step: step[0]):
        if limb is None:
            _draw_torso(image, owner, points, figure, scale, first)
            _draw_head(image, owner, points, figure, moment, first)
            continue
        color = shade(limb.color, float(np.clip(1 + 1.6 * nearness, 0.7, 1.1)))
        ends = points[[limb.start, limb.end]]
        thickness = max(2, int(round(limb.thickness * scale)))
        _line(image, ends, color, thickness, cv2.LINE_AA)
        _line(owner, ends, first + limb.part, thickness, cv2.LINE_8)


def find_seen(
    owner: np.ndarray,
    points_px: np.ndarray,
    number: int,
    facing: float,
) -> np.ndarray:
    """Find the joints that are seen.

    A joint is seen if it is in the image and one of the parts that meet
    there is seen within a pixel of it; the nose, if the face is seen, too.

    Args:
        owner (np.ndarray): (H, W) uint8 as :func:`draw_figure` fills it, when
            everything is drawn.
        points_px (np.ndarray): (15, 2) joints in pixels of the image.
        number (int): Number of the person in the scene.
        facing (float): 1 towards the camera, -1 away from it.

    Returns:
        np.ndarray: (15,) bool.
    """
    height, width = owner.shape
    first = 1 + PARTS_PER_PERSON * number
    seen = np.zeros(len(points_px), bool)
    for joint, (x, y) in enumerate(np.round(points_px).astype(int).tolist()):
        if 0 <= x < width and 0 <= y < height:
            around = owner[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            parts = [first + part for part in _PARTS_OF_JOINT[joint]]
            seen[joint] = np.isin(around, parts).any()
    seen[0] &= facing > _FACE_SEEN
    return seen


def _limbs(figure: ProjectedFigure) -> list[_Limb]:
    body = figure.body
    sleeve = body.shirt if body.long_sleeves else body.skin
    legging = body.trousers if body.long_trousers else body.skin
    limbs = []
    for side in (0, 1):
        for part, start, end, color, thickness in (
            (UPPER_ARMS[side], 3, 5, shade(body.shirt, 0.85), 0.07),
            (FOREARMS[side], 5, 7, shade(sleeve, 0.95), 0.055),
            (THIGHS[side], 9, 11, body.trousers, 0.085),
            (SHINS[side], 11, 13, shade(legging, 0.9), 0.065),
        ):
            limbs.append(
                _Limb(
                    part,
                    start + side,
                    end + side,
                    color,
                    thickness * body.girth,
                )
            )
    return limbs


def _draw_torso(
    image: np.ndarray,
    owner: np.ndarray,
    points: np.ndarray,
    figure: ProjectedFigure,
    scale: float,
    first: int,
) -> None:
    body = figure.body
    neck, hips = points[[3, 4]].mean(axis=0), points[[9, 10]].mean(axis=0)
    outline = points[[3, 4, 10, 9]]
    thickness = max(3, int(round(0.12 * body.girth * scale)))
    edge = max(2, int(round(0.06 * body.girth * scale)))
    for canvas, shirt, belt, kind in (
        (image, body.shirt, body.trousers, cv2.LINE_AA),
        (owner, first + TORSO, first + TORSO, cv2.LINE_8),
    ):
        _line(canvas, points[[9, 10]], belt, edge, kind)
        # From the side, the shoulders are behind each other.
        _line(canvas, np.stack([neck, hips]), shirt, thickness, kind)
        fill(canvas, outline, shirt, smooth=kind == cv2.LINE_AA)
        _line(canvas, points[[3, 4]], shirt, edge, kind)


def _draw_head(
    image: np.ndarray,
    owner: np.ndarray,
    points: np.ndarray,
    figure: ProjectedFigure,
    moment: int,
    first: int,
) -> None:
    body, scale = figure.body, figure.scale[moment]
    facing, turned = figure.facing[moment], figure.turned[moment]
    bottom, top = points[1], points[2]
    up = top - bottom
    angle = float(np.degrees(np.arctan2(up[0], -up[1])))
    length = body.head * scale
    middle = bottom + 0.53 * up
    radii = np.array([0.37 * length, 0.5 * length])
    shoulders = points[[3, 4]].mean(axis=0)
    throat = np.stack([shoulders, bottom + 0.2 * up])
    width = max(2, int(round(0.05 * scale)))
    _line(image, throat, shade(body.skin, 0.85), width, cv2.LINE_AA)
    _line(owner, throat, first + HEAD, width, cv2.LINE_8)
    _ellipse(image, middle, radii, angle, body.hair, cv2.LINE_AA)
    _ellipse(owner, middle, radii, angle, first + HEAD, cv2.LINE_8)
    if facing <= _FACE_SEEN:
        return
    share = np.clip(0.6 + 0.4 * facing, 0.35, 1)
    face = radii * (0.85 * share, 0.72)
    shift = np.array([0.4 * radii[0] * turned, 0]) - 0.12 * up
    _ellipse(image, middle + shift, face, angle, body.skin, cv2.LINE_AA)
    nose = max(1.0, 0.09 * length)
    _ellipse(image, points[0], (nose, nose), 0.0, (40, 40, 90), cv2.LINE_AA)


def _line(canvas, ends, color, thickness: int, kind: int) -> None:
    start, end = _fixed(ends[0]), _fixed(ends[1])
    cv2.line(canvas, start, end, color, thickness, kind, SHIFT)


def _ellipse(canvas, middle, radii, angle: float, color, kind: int) -> None:
    axes = tuple(max(1, int(round(r * (1 << SHIFT)))) for r in radii)
    cv2.ellipse(
        canvas, _fixed(middle), axes, angle, 0, 360, color, -1, kind, SHIFT
    )


def _fixed(point: np.ndarray) -> tuple[int, int]:
    # far outside is as good as outside, and does not overflow
    x, y = np.clip(point, -1e4, 1e4) * (1 << SHIFT)
    return int(round(float(x))), int(round(float(y)))
