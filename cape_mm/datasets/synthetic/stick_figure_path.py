# Copyright (c) cape_mm contributors. All rights reserved.
"""Where a stick figure goes, and where its joints are in the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .stick_figure_body import StickFigureBody
from .stick_figure_gait import (
    StickFigureGait,
    place_joints,
    turn_joints,
)

# How far the camera is away, in statures of the person.
_CAMERA = 5.0
# How much further down a point is that is nearer, per stature.
_TILT = 0.12


@dataclass(frozen=True)
class ProjectedFigure:
    """A person over M moments, as the camera sees it.

    Attributes:
        body (StickFigureBody): The person.
        joints_px (np.ndarray): (M, 15, 2) x, y in the scene's pixels.
        depth (np.ndarray): (M, 15) towards the camera, in statures, of each
            joint against the middle of the person.
        ground_px (np.ndarray): (M,) y of the ground below it: who has more is
            nearer to the camera.
        scale (np.ndarray): (M,) pixels of its stature.
        facing (np.ndarray): (M,) 1 towards the camera, -1 away from it.
        turned (np.ndarray): (M,) 1 to the right of the image, -1 left.
    """

    body: StickFigureBody
    joints_px: np.ndarray
    depth: np.ndarray
    ground_px: np.ndarray
    scale: np.ndarray
    facing: np.ndarray
    turned: np.ndarray


def project_figure(
    body: StickFigureBody,
    gait: StickFigureGait,
    heading: np.ndarray,
    moment: float,
    place_px: np.ndarray,
    horizon_px: np.ndarray,
) -> ProjectedFigure:
    """Let a person walk through a place at a moment.

    Args:
        body (StickFigureBody): The person.
        gait (StickFigureGait): Its motion over M moments.
        heading (np.ndarray): (M,) radians, see ``turn_joints``.
        moment (float): When it is at the place.
        place_px (np.ndarray): (2,) the place on the ground.
        horizon_px (np.ndarray): (2,) the vanishing point of the ground.

    Returns:
        ProjectedFigure: The person.
    """
    count = len(heading)
    steps = gait.speed * body.height
    path = np.stack(
        [
            np.cumsum(steps * np.sin(heading)),
            np.cumsum(steps * np.cos(heading)),
        ]
    )
    frames = np.arange(count)
    across, nearer = (axis - np.interp(moment, frames, axis) for axis in path)
    distance = _CAMERA * body.height
    # who comes very near is not drawn ever larger
    growth = distance / np.maximum(distance - nearer, 0.5 * distance)
    middle = horizon_px + growth[:, None] * (
        place_px - horizon_px + np.stack([across, np.zeros(count)], axis=1)
    )
    right, up, towards = turn_joints(place_joints(body, gait), heading)
    scale = growth * body.height
    joints_px = middle[:, None] + scale[:, None, None] * np.stack(
        [right, _TILT * towards - up], axis=-1
    )
    return ProjectedFigure(
        body=body,
        joints_px=joints_px,
        depth=towards,
        ground_px=middle[:, 1],
        scale=scale,
        facing=np.cos(heading),
        turned=np.sin(heading),
    )


def draw_heading(
    rng: np.random.Generator, activity: str, side: int, num_frames: int
) -> np.ndarray:
    """Draw where a person heads over time.

    Mostly across the image and somewhat towards the camera; seldom away
    from it. Some turn round on the way.

    Args:
        rng (np.random.Generator): Stream of the person.
        activity (str): What it does.
        side (int): 1 to the right of the image, -1 to the left.
        num_frames (int): M.

    Returns:
        np.ndarray: (M,) radians, see ``turn_joints``.
    """
    kind = rng.random()
    if activity == 'stand':
        start = side * rng.uniform(0, 1.2)
        if kind < 0.15:
            start = np.pi - start
    elif kind < 0.75:
        start = side * (np.pi / 2 - rng.uniform(-0.2, 0.8))
    elif kind < 0.9:
        start = side * rng.uniform(0, 0.6)
    else:
        start = side * (np.pi / 2 + rng.uniform(0.3, 1.2))
    time = np.arange(num_frames)
    heading = start + rng.uniform(-0.015, 0.015) * time
    moment, turns = rng.uniform(0, num_frames), rng.random() < 0.12
    if turns:
        # by way of facing the camera
        ease = 1 / (1 + np.exp(-(time - moment) / 1.5))
        heading = heading - 2 * start * ease
    return heading
