# Copyright (c) cape_mm contributors. All rights reserved.
"""How a stick figure moves its limbs, and how fast that carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .stick_figure_body import StickFigureBody

#: What a figure may do.
ACTIVITIES = ('walk', 'run', 'stand')
# +1 is the left side
_SIDES = np.array([1.0, -1.0])


@dataclass(frozen=True)
class StickFigureGait:
    """Angles over M moments, in radians; columns are left and right.

    Attributes:
        hip (np.ndarray): (M, 2) thigh, forward of the vertical.
        knee (np.ndarray): (M, 2) bend, not negative.
        shoulder (np.ndarray): (M, 2) upper arm, forward of the vertical.
        abduction (np.ndarray): (M, 2) upper arm, away from the body.
        elbow (np.ndarray): (M, 2) bend forward, not negative.
        wave (np.ndarray): (M, 2) bend of the forearm away from the body.
        lean (np.ndarray): (M,) trunk, forward of the vertical.
        twist (np.ndarray): (M,) shoulders against hips, about the vertical.
        speed (np.ndarray): (M,) forward, statures per frame.
    """

    hip: np.ndarray
    knee: np.ndarray
    shoulder: np.ndarray
    abduction: np.ndarray
    elbow: np.ndarray
    wave: np.ndarray
    lean: np.ndarray
    twist: np.ndarray
    speed: np.ndarray


def draw_gait(
    rng: np.random.Generator,
    activity: str,
    body: StickFigureBody,
    num_frames: int,
) -> StickFigureGait:
    """Draw how a person moves.

    Legs are half a cycle apart and arms swing against them. A foot on the
    ground goes back evenly, and as fast as the person goes forward, so that
    it stays where it is; then the leg swings forward with a bent knee.

    Args:
        rng (np.random.Generator): Stream of the person.
        activity (str): One of :data:`ACTIVITIES`.
        body (StickFigureBody): The person.
        num_frames (int): M.

    Returns:
        StickFigureGait: The motion.
    """
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
            num_frames,
            2 * body.leg * np.sin(stride) / (on_ground * period),
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
    sides = np.broadcast_to(_SIDES, (count, 2))
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
