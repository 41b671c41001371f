# Copyright (c) cape_mm contributors. All rights reserved.
"""Images of a stick figure, and which of its keypoints are visible."""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np

from ..scenery import Color, fill, fill_ellipse, shade, stroke
from .figure import ProjectedFigure, StickFigureBody

#: Labels of a person in the label map: 16 per person, beginning with 1.
PARTS_PER_PERSON = 16
HEAD, TORSO = 0, 1
UPPER_ARMS, FOREARMS, THIGHS, SHINS = (2, 3), (4, 5), (6, 7), (8, 9)
# Parts that meet at a keypoint, in the order of PoseTrack's 15 keypoints.
_PARTS_OF_KEYPOINT = (
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
# Part, two keypoints, colour, its shade and thickness of each arm and leg.
_LIMBS = tuple(
    (parts[side], [start + side, start + side + 2], *look)
    for side in (0, 1)
    for parts, start, *look in (
        (UPPER_ARMS, 3, 'shirt', 0.85, 0.07),
        (FOREARMS, 5, 'sleeves', 0.95, 0.055),
        (THIGHS, 9, 'trousers', 1.0, 0.085),
        (SHINS, 11, 'leggings', 0.9, 0.065),
    )
)
# A face that is turned further away is not visible.
_FACE_VISIBLE = -0.2


def draw_figure(
    image: np.ndarray,
    owner: np.ndarray,
    figure: ProjectedFigure,
    moment: int,
    number: int,
    offset_px: np.ndarray,
) -> None:
    """Draw a person, below 15, on image and label map (H, W), in place."""
    canvas = _Canvas(image, owner, 1 + PARTS_PER_PERSON * number)
    keypoints = figure.keypoints_px[moment] - offset_px
    body, scale = figure.body, figure.scale[moment]
    depth = figure.depth[moment]
    steps = [(float(depth[limb[1]].mean()), limb) for limb in _LIMBS]
    # The trunk and the head are in the middle of the person.
    steps.append((0.0, None))
    for nearness, limb in sorted(steps, key=lambda step: step[0]):
        if limb is None:
            _draw_torso(canvas, keypoints, body, scale)
            _draw_head(canvas, keypoints, figure, moment)
            continue
        part, ends, cloth, light, width = limb
        color = shade(getattr(body, cloth), light)
        color = shade(color, float(np.clip(1 + 1.6 * nearness, 0.7, 1.1)))
        thickness = max(2, int(round(width * body.girth * scale)))
        canvas.draw(stroke, keypoints[ends], color, part, thickness)


def find_visible(
    owner: np.ndarray, keypoints_px: np.ndarray, number: int, facing: float
) -> np.ndarray:
    """Mask (15,) of the visible keypoints (15, 2), pixels of the image."""
    # A keypoint is visible if it is in the image and one of the parts that
    # meet there is visible within a pixel of it; for the nose, the face must
    # be turned to the camera (``facing`` 1), too.
    height, width = owner.shape
    first = 1 + PARTS_PER_PERSON * number
    visible = np.zeros(len(keypoints_px), bool)
    for index, (x, y) in enumerate(
        np.round(keypoints_px).astype(int).tolist()
    ):
        if 0 <= x < width and 0 <= y < height:
            around = owner[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            parts = [first + part for part in _PARTS_OF_KEYPOINT[index]]
            visible[index] = np.isin(around, parts).any()
    visible[0] &= facing > _FACE_VISIBLE
    return visible


class _Canvas(NamedTuple):
    """An image and its label map, which get the same shapes."""

    image: np.ndarray
    owner: np.ndarray
    first: int  # label of the first part

    def draw(self, shape: Callable, points, color: Color, part, *args) -> None:
        """Draw a shape of a part; ``shape`` is a function of scenery.py."""
        shape(self.image, points, color, *args)
        shape(self.owner, points, self.first + part, *args, smooth=False)


def _draw_torso(
    canvas: _Canvas, keypoints: np.ndarray, body: StickFigureBody, scale: float
) -> None:
    """Draw shoulders, hips and what is between them."""
    shoulders, hips = keypoints[[3, 4]], keypoints[[9, 10]]
    middle = np.stack([shoulders.mean(axis=0), hips.mean(axis=0)])
    thickness = max(3, int(round(0.12 * body.girth * scale)))
    edge = max(2, int(round(0.06 * body.girth * scale)))
    canvas.draw(stroke, hips, body.trousers, TORSO, edge)
    # From the side, the shoulders are behind each other.
    canvas.draw(stroke, middle, body.shirt, TORSO, thickness)
    canvas.draw(fill, keypoints[[3, 4, 10, 9]], body.shirt, TORSO)
    canvas.draw(stroke, shoulders, body.shirt, TORSO, edge)


def _draw_head(
    canvas: _Canvas,
    keypoints: np.ndarray,
    figure: ProjectedFigure,
    moment: int,
) -> None:
    """Draw neck, hair, and the face if it is turned to the camera."""
    body, scale = figure.body, figure.scale[moment]
    facing, turned = figure.facing[moment], figure.turned[moment]
    bottom = keypoints[1]
    up = keypoints[2] - bottom
    angle = float(np.degrees(np.arctan2(up[0], -up[1])))
    middle, radii = figure.find_head(keypoints, moment)
    shoulders = keypoints[[3, 4]].mean(axis=0)
    throat = np.stack([shoulders, bottom + 0.2 * up])
    width = max(2, int(round(0.05 * scale)))
    canvas.draw(stroke, throat, shade(body.skin, 0.85), HEAD, width)
    canvas.draw(fill_ellipse, middle, body.hair, HEAD, radii, angle)
    if facing <= _FACE_VISIBLE:
        return
    share = np.clip(0.6 + 0.4 * facing, 0.35, 1)
    face = radii * (0.85 * share, 0.72)
    middle = middle + (np.array([0.4 * radii[0] * turned, 0]) - 0.12 * up)
    fill_ellipse(canvas.image, middle, body.skin, face, angle)
    nose = np.full(2, max(1.0, 0.09 * body.head * scale))
    fill_ellipse(canvas.image, keypoints[0], (40, 40, 90), nose, 0.0)
