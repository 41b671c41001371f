# Copyright (c) cape_mm contributors. All rights reserved.
"""How a stick figure moves its limbs, how fast, and where to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Activities of a figure.
ACTIVITIES = ('walk', 'run', 'stand')
# +1 is the left side.
_SIDES = np.array([1.0, -1.0])


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
    runs = activity == 'run'
    period = rng.uniform(9, 13) if runs else rng.uniform(13, 24)
    on_ground = 0.5 if runs else 0.6
    stride = rng.uniform(0.45, 0.6) if runs else rng.uniform(0.22, 0.42)
    swing = rng.uniform(0.6, 0.9) if runs else rng.uniform(0.25, 0.6)
    cycle = phase / (2 * np.pi) + time / period
    legs = (cycle[:, None] + np.array([0, 0.5])) % 1
    swung = np.maximum(0, (legs - on_ground) / (1 - on_ground))
    reach = np.where(
        legs < on_ground, 1 - 2 * legs / on_ground, -np.cos(np.pi * swung)
    )
    lift = 1.3 if runs else rng.uniform(0.6, 0.95)
    bend = rng.uniform(1.1, 1.5) if runs else rng.uniform(0.1, 0.45)
    still = np.zeros_like(legs)
    return StickFigureGait(
        hip=np.arcsin(np.sin(stride) * reach) + 0.04,
        knee=0.08 + lift * np.sin(np.pi * swung**0.8) ** 1.5,
        shoulder=-swing * reach,
        abduction=still + rng.uniform(0.05, 0.2),
        elbow=bend + 0.35 * np.maximum(0, -reach),
        wave=still,
        lean=np.full(num_frames, 0.2 if runs else rng.uniform(-0.02, 0.08)),
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
