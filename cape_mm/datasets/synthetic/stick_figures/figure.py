# Copyright (c) cape_mm contributors. All rights reserved.
"""Build of a stick figure, and where its joints are in the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK15_KEYPOINTS,
)

from ..scenery import Color, to_color
from .gait import StickFigureGait

#: The joints of a figure, in PoseTrack's order without ears.
JOINTS = POSETRACK15_KEYPOINTS
# How far the camera is away, in statures of the person.
_CAMERA = 5.0
# How much further down a point is that is nearer, per stature.
_TILT = 0.12


@dataclass(frozen=True)
class StickFigureBody:
    """One person.

    Attributes:
        height (float): Stature in pixels at the place where it was drawn.
        head (float): From the neck to the top of the head.
        torso (float): From the hips to the neck.
        shoulder (float): Half the width of the shoulders.
        hip (float): Half the width of the hips.
        upper_arm (float): Length.
        forearm (float): Length.
        thigh (float): Length.
        shin (float): Length.
        girth (float): Factor of all thicknesses.
        skin (Color): Blue, green, red.
        hair (Color): Blue, green, red.
        shirt (Color): Blue, green, red.
        trousers (Color): Blue, green, red.
        long_sleeves (bool): Whether forearms are covered.
        long_trousers (bool): Whether shins are covered.
    """

    height: float
    head: float
    torso: float
    shoulder: float
    hip: float
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    girth: float
    skin: Color
    hair: Color
    shirt: Color
    trousers: Color
    long_sleeves: bool
    long_trousers: bool

    @property
    def leg(self) -> float:
        """Length of a stretched leg, as a share of the stature."""
        return self.thigh + self.shin


def draw_body(rng: np.random.Generator, height: float) -> StickFigureBody:
    """Draw a person.

    Args:
        rng (np.random.Generator): Stream of the person.
        height (float): Stature in pixels.

    Returns:
        StickFigureBody: The person.
    """
    lengths = dict(
        head=0.165,
        torso=0.30,
        shoulder=0.115,
        hip=0.072,
        upper_arm=0.165,
        forearm=0.15,
        thigh=0.245,
        shin=0.235,
        girth=1.0,
    )
    factors = rng.uniform(0.93, 1.07, size=len(lengths))
    build = {
        name: float(length * factor)
        for (name, length), factor in zip(lengths.items(), factors)
    }
    hue = rng.uniform()
    tone = rng.uniform(0.45, 1.0)
    return StickFigureBody(
        height=float(height),
        skin=to_color(0.065, 0.55 - 0.2 * tone, 0.95 * tone),
        hair=to_color(0.08, rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.6)),
        shirt=to_color(hue, rng.uniform(0.4, 1), rng.uniform(0.45, 1)),
        trousers=to_color(
            hue + rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.9), 0.65 * tone
        ),
        long_sleeves=bool(rng.random() < 0.5),
        long_trousers=bool(rng.random() < 0.75),
        **build,
    )


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


def place_joints(body: StickFigureBody, gait: StickFigureGait) -> np.ndarray:
    """Put the joints where the angles say.

    The lower foot is on the ground.

    Args:
        body (StickFigureBody): The person.
        gait (StickFigureGait): Angles over M moments.

    Returns:
        np.ndarray: (M, 15, 3) forward, up and to the person's left of the
        point on the ground below the hips, in statures; joints as in
        ``JOINTS``.
    """
    count = len(gait.lean)
    joints = np.zeros((count, 15, 3))
    sides = np.broadcast_to([1.0, -1.0], (count, 2))
    thigh = body.thigh * _limb(gait.hip, 0.04, sides)
    shin = body.shin * _limb(gait.hip - gait.knee, 0.02, sides)
    hips = np.zeros((count, 2, 3))
    hips[..., 2] = body.hip * sides
    hips[..., 1] = -(thigh + shin)[..., 1].min(axis=1)[:, None] + 0.02
    joints[:, 9:11] = hips
    joints[:, 11:13] = hips + thigh
    joints[:, 13:15] = hips + thigh + shin

    up = np.stack(
        [np.sin(gait.lean), np.cos(gait.lean), np.zeros(count)], axis=1
    )
    neck = hips.mean(axis=1) + body.torso * up
    joints[:, 1] = neck
    joints[:, 2] = neck + body.head * up
    joints[:, 0] = neck + 0.42 * body.head * up + [0.38 * body.head, 0, 0]
    across = np.stack(
        [-np.sin(gait.twist), np.zeros(count), np.cos(gait.twist)], axis=1
    )
    shoulders = (
        neck[:, None]
        - 0.035 * up[:, None]
        + body.shoulder * sides[..., None] * across[:, None]
    )
    upper = body.upper_arm * _limb(gait.shoulder, gait.abduction, sides)
    lower = body.forearm * _limb(
        gait.shoulder + gait.elbow, gait.abduction + gait.wave, sides
    )
    joints[:, 3:5] = shoulders
    joints[:, 5:7] = shoulders + upper
    joints[:, 7:9] = shoulders + upper + lower
    return joints


def _limb(forward: np.ndarray, outward, sides: np.ndarray) -> np.ndarray:
    """Direction (M, 2, 3) of limbs that hang down at angles 0."""
    outward = np.broadcast_to(outward, forward.shape)
    return np.stack(
        [
            np.sin(forward) * np.cos(outward),
            -np.cos(forward) * np.cos(outward),
            sides * np.sin(outward),
        ],
        axis=-1,
    )


def turn_joints(
    joints: np.ndarray, heading: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn joints to where a person heads.

    Args:
        joints (np.ndarray): (M, 15, 3) forward, up, left.
        heading (np.ndarray): (M,) radians: 0 towards the camera, pi / 2 to
            the right of the image.

    Returns:
        tuple: (M, 15) each, to the right of the image, up, and towards the
        camera.
    """
    sin, cos = np.sin(heading)[:, None], np.cos(heading)[:, None]
    forward, up, left = joints.transpose(2, 0, 1)
    return forward * sin + left * cos, up, forward * cos - left * sin
