# Copyright (c) cape_mm contributors. All rights reserved.
"""Build and looks of a stick figure; lengths are shares of its stature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK15_KEYPOINTS,
)

from .creature import Color
from .palette import to_color

#: The joints of a figure, in PoseTrack's order without ears.
JOINTS = POSETRACK15_KEYPOINTS


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
