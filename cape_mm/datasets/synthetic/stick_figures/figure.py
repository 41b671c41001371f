# Copyright (c) cape_mm contributors. All rights reserved.
"""Build and gait of a stick figure, and where its keypoints are in images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..scenery import Color, to_color

#: Activities of a figure.
ACTIVITIES = ('walk', 'run', 'stand')
# Share of time of a foot on the ground, limits of period, stride, swing of the
# arms, lift of the knees, bend of the elbows, abduction and lean.
_GAITS = dict(
    walk=(0.6, (13, 24), (0.22, 0.42), (0.25, 0.6), (0.6, 0.95), (0.1, 0.45),
          (0.05, 0.2), (-0.02, 0.08)),
    run=(0.5, (9, 13), (0.45, 0.6), (0.6, 0.9), (1.3,), (1.1, 1.5),
         (0.05, 0.2), (0.2,)),
)  # fmt: skip
# +1 is the left side.
_SIDES = np.array([1.0, -1.0])
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
    sleeves: Color  # of the forearms
    leggings: Color  # of the shins

    @property
    def leg(self) -> float:
        """Length of a stretched leg, as a share of the stature."""
        return self.thigh + self.shin


@dataclass(frozen=True)
class StickFigureGait:
    """Angles over M moments, in radians; columns are left and right."""

    hip: np.ndarray  # thigh (M, 2), forward of the vertical
    knee: np.ndarray  # bend (M, 2), not negative
    shoulder: np.ndarray  # upper arm (M, 2), forward of the vertical
    abduction: np.ndarray  # upper arm (M, 2), away from the body
    elbow: np.ndarray  # bend forward (M, 2), not negative
    wave: np.ndarray  # bend of the forearm (M, 2) away from the body
    lean: np.ndarray  # trunk (M,), forward of the vertical
    twist: np.ndarray  # shoulders against hips (M,), about the vertical
    speed: np.ndarray  # forward (M,), statures per frame


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

    def find_head(
        self, keypoints: np.ndarray, moment: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Centre and radii (2,) of the head of keypoints (15, 2), pixels."""
        middle = keypoints[1] + 0.53 * (keypoints[2] - keypoints[1])
        length = self.body.head * self.scale[moment]
        return middle, np.array([0.37, 0.5]) * length


def draw_body(rng: np.random.Generator, height: float) -> StickFigureBody:
    """Person of a stature in pixels."""
    factors = rng.uniform(0.93, 1.07, size=len(_LENGTHS))
    build = (factors * list(_LENGTHS.values())).tolist()
    hue = rng.uniform()
    tone = rng.uniform(0.45, 1.0)
    skin = to_color(0.065, 0.55 - 0.2 * tone, 0.95 * tone)
    hair = to_color(0.08, rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.6))
    shirt = to_color(hue, rng.uniform(0.4, 1), rng.uniform(0.45, 1))
    hue, saturation = hue + rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.9)
    trousers = to_color(hue, saturation, 0.65 * tone)
    sleeves = shirt if rng.random() < 0.5 else skin
    leggings = trousers if rng.random() < 0.75 else skin
    colors = (skin, hair, shirt, trousers, sleeves, leggings)
    return StickFigureBody(float(height), *build, *colors)


def draw_gait(
    rng: np.random.Generator, activity: str, leg: float, num_frames: int
) -> StickFigureGait:
    """Motion of a person over M moments; ``leg`` is a share of stature."""
    # Legs are half a cycle apart and arms swing against them. A foot on the
    # ground goes back evenly, and as fast as the person goes forward, so that
    # it stays where it is; then the leg swings forward with a bent knee.
    time = np.arange(num_frames)
    phase = rng.uniform(0, 2 * np.pi)
    if activity == 'stand':
        return _stand(rng, time, phase)
    on_ground, *limits = _GAITS[activity]
    period, stride, swing, lift, bend, abduction, lean = (
        rng.uniform(*some) if len(some) > 1 else some[0] for some in limits
    )
    cycle = phase / (2 * np.pi) + time / period
    legs = (cycle[:, None] + np.array([0, 0.5])) % 1
    swung = np.maximum(0, (legs - on_ground) / (1 - on_ground))
    reach = np.where(
        legs < on_ground, 1 - 2 * legs / on_ground, -np.cos(np.pi * swung)
    )
    still = np.zeros_like(legs)
    return StickFigureGait(
        hip=np.arcsin(np.sin(stride) * reach) + 0.04,
        knee=0.08 + lift * np.sin(np.pi * swung**0.8) ** 1.5,
        shoulder=-swing * reach,
        abduction=still + abduction,
        elbow=bend + 0.35 * np.maximum(0, -reach),
        wave=still,
        lean=np.full(num_frames, lean),
        twist=0.12 * reach[:, 0],
        speed=np.full(
            num_frames, 2 * leg * np.sin(stride) / (on_ground * period)
        ),
    )


def _stand(
    rng: np.random.Generator, time: np.ndarray, phase: float
) -> StickFigureGait:
    """Standing, with arms that hang, wave or lift something."""
    count = len(time)
    slow = phase + 2 * np.pi * time / rng.uniform(18, 34)
    shape = (count, 2)
    shoulder, abduction = np.zeros(shape), np.full(shape, 0.12)
    elbow, wave = np.full(shape, 0.15), np.zeros(shape)
    for side in range(2):
        kind = rng.integers(3)
        quick = rng.uniform(0, 2 * np.pi) + 2 * np.pi * time / rng.uniform(
            8, 16
        )
        if kind == 1:
            abduction[:, side] = rng.uniform(1.2, 2.4) + 0.15 * np.sin(slow)
            wave[:, side] = 0.4 + rng.uniform(0.2, 0.6) * np.sin(quick)
        elif kind == 2:
            shoulder[:, side] = rng.uniform(0.3, 1.3) + 0.2 * np.sin(slow)
            elbow[:, side] = rng.uniform(0.4, 1.4) + 0.3 * np.sin(quick)
        else:
            shoulder[:, side] = 0.08 * np.sin(slow)
    spread = rng.uniform(0, 0.12)
    sway = 0.03 * np.sin(slow)
    return StickFigureGait(
        hip=sway[:, None] + spread * _SIDES,
        knee=np.full(shape, 0.05),
        shoulder=shoulder,
        abduction=abduction,
        elbow=np.maximum(elbow, 0),
        wave=wave,
        lean=rng.uniform(-0.05, 0.12) + sway,
        twist=0.1 * np.sin(slow),
        speed=np.zeros(count),
    )


def draw_heading(
    rng: np.random.Generator, activity: str, side: int, num_frames: int
) -> np.ndarray:
    """Heading (M,) in radians, 0 towards the camera, pi / 2 to the right."""
    # Mostly across the image (``side`` 1 to its right, -1 to its left) and
    # somewhat towards the camera; seldom away from it. Some turn on the way.
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
        # By way of facing the camera.
        ease = 1 / (1 + np.exp(-(time - moment) / 1.5))
        heading = heading - 2 * start * ease
    return heading


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
    sides = np.broadcast_to(_SIDES, (count, 2))
    thigh = body.thigh * _limb(gait.hip, 0.04, sides)
    shin = body.shin * _limb(gait.hip - gait.knee, 0.02, sides)
    hips = np.zeros((count, 2, 3))
    hips[..., 2] = body.hip * sides
    # The lower foot is on the ground.
    hips[..., 1] = -(thigh + shin)[..., 1].min(axis=1)[:, None] + 0.02

    still = np.zeros(count)
    up = np.stack([np.sin(gait.lean), np.cos(gait.lean), still], axis=1)
    neck = hips.mean(axis=1) + body.torso * up
    top = neck + body.head * up
    nose = neck + 0.42 * body.head * up + [0.38 * body.head, 0, 0]
    across = np.stack([-np.sin(gait.twist), still, np.cos(gait.twist)], axis=1)
    shoulders = (neck - 0.035 * up)[:, None]
    shoulders = shoulders + body.shoulder * sides[..., None] * across[:, None]
    upper = body.upper_arm * _limb(gait.shoulder, gait.abduction, sides)
    lower = body.forearm * _limb(
        gait.shoulder + gait.elbow, gait.abduction + gait.wave, sides
    )
    middle = np.stack([nose, neck, top], axis=1)
    arms = (shoulders, shoulders + upper, shoulders + upper + lower)
    legs = (hips, hips + thigh, hips + thigh + shin)
    return np.concatenate([middle, *arms, *legs], axis=1)


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
