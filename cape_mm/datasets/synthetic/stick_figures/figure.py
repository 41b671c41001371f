# Copyright (c) cape_mm contributors. All rights reserved.
"""Build of a stick figure, and where its keypoints are in the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..scenery import Color, to_color
from .gait import StickFigureGait

# Shares of the stature; the last one is a factor of all thicknesses.
_LENGTHS = dict(
    head=0.165, torso=0.30, shoulder=0.115, hip=0.072, upper_arm=0.165,
    forearm=0.15, thigh=0.245, shin=0.235, girth=1.0,
)  # fmt: skip
# Distance of the camera, in statures of the person.
_CAMERA = 5.0
# Shift down of a point that is nearer by a stature, in statures.
_TILT = 0.12


@dataclass(frozen=True)
class StickFigureBody:
    """Build and looks of one person; lengths are shares of the stature."""

    height: float  # stature in pixels at its place in the scene
    head: float  # from the neck to the top
    torso: float  # from the hips to the neck
    shoulder: float  # half the width
    hip: float  # half the width
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    girth: float  # factor of all thicknesses
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
    """Person of a stature in pixels."""
    factors = rng.uniform(0.93, 1.07, size=len(_LENGTHS))
    build = {
        name: float(length * factor)
        for (name, length), factor in zip(_LENGTHS.items(), factors)
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
    """A person over M moments, projected to the camera."""

    body: StickFigureBody
    keypoints_px: np.ndarray  # (M, 15, 2), pixels of the scene
    depth: np.ndarray  # (M, 15), nearness against the middle, statures
    ground_px: np.ndarray  # y of the ground (M,), larger is nearer
    scale: np.ndarray  # pixels of the stature (M,)
    facing: np.ndarray  # (M,), 1 towards the camera, -1 away
    turned: np.ndarray  # (M,), 1 to the right of the image, -1 left


def project_figure(
    body: StickFigureBody,
    gait: StickFigureGait,
    heading: np.ndarray,
    moment: float,
    place_px: np.ndarray,
    horizon_px: np.ndarray,
) -> ProjectedFigure:
    """Let a person walk through a place (2,) on the ground at a moment."""
    count = len(heading)
    steps = gait.speed * body.height
    frames = np.arange(count)
    paths = (
        np.cumsum(steps * turn) for turn in (np.sin(heading), np.cos(heading))
    )
    across, nearer = (path - np.interp(moment, frames, path) for path in paths)
    distance = _CAMERA * body.height
    # A person who comes very near grows no further.
    growth = distance / np.maximum(distance - nearer, 0.5 * distance)
    middle = horizon_px + growth[:, None] * (
        place_px - horizon_px + np.stack([across, np.zeros(count)], axis=1)
    )
    right, up, towards = turn_keypoints(place_keypoints(body, gait), heading)
    scale = growth * body.height
    keypoints_px = middle[:, None] + scale[:, None, None] * np.stack(
        [right, _TILT * towards - up], axis=-1
    )
    facing, turned = np.cos(heading), np.sin(heading)
    return ProjectedFigure(
        body, keypoints_px, towards, middle[:, 1], scale, facing, turned
    )


def place_keypoints(
    body: StickFigureBody, gait: StickFigureGait
) -> np.ndarray:
    """Keypoints (M, 15, 3): forward, up, left of below the hips, statures."""
    count = len(gait.lean)
    keypoints = np.zeros((count, 15, 3))
    sides = np.broadcast_to([1.0, -1.0], (count, 2))
    # The lower foot is on the ground.
    thigh = body.thigh * _limb(gait.hip, 0.04, sides)
    shin = body.shin * _limb(gait.hip - gait.knee, 0.02, sides)
    hips = np.zeros((count, 2, 3))
    hips[..., 2] = body.hip * sides
    hips[..., 1] = -(thigh + shin)[..., 1].min(axis=1)[:, None] + 0.02
    keypoints[:, 9:11] = hips
    keypoints[:, 11:13] = hips + thigh
    keypoints[:, 13:15] = hips + thigh + shin

    still = np.zeros(count)
    up = np.stack([np.sin(gait.lean), np.cos(gait.lean), still], axis=1)
    neck = hips.mean(axis=1) + body.torso * up
    keypoints[:, 1] = neck
    keypoints[:, 2] = neck + body.head * up
    keypoints[:, 0] = neck + 0.42 * body.head * up + [0.38 * body.head, 0, 0]
    across = np.stack([-np.sin(gait.twist), still, np.cos(gait.twist)], axis=1)
    shoulders = (neck - 0.035 * up)[:, None]
    shoulders = shoulders + body.shoulder * sides[..., None] * across[:, None]
    upper = body.upper_arm * _limb(gait.shoulder, gait.abduction, sides)
    lower = body.forearm * _limb(
        gait.shoulder + gait.elbow, gait.abduction + gait.wave, sides
    )
    keypoints[:, 3:5] = shoulders
    keypoints[:, 5:7] = shoulders + upper
    keypoints[:, 7:9] = shoulders + upper + lower
    return keypoints


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


def turn_keypoints(
    keypoints: np.ndarray, heading: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes (M, 15) to the right of the image, up, towards the camera."""
    sin, cos = np.sin(heading)[:, None], np.cos(heading)[:, None]
    forward, up, left = keypoints.transpose(2, 0, 1)
    return forward * sin + left * cos, up, forward * cos - left * sin
