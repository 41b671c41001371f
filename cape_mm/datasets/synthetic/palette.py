# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import colorsys

import numpy as np

from .creature import Color


def draw_palette(rng: np.random.Generator, num_colors: int = 6) -> list[Color]:
    """Draw colours that are well apart in hue and in lightness.

    Args:
        rng (np.random.Generator): Stream of the category.
        num_colors (int): How many. Defaults to 6.

    Returns:
        List[Color]: Blue, green, red; the first is meant for the trunk.
    """
    hues = rng.uniform() + np.arange(num_colors) / num_colors
    hues += rng.uniform(-0.05, 0.05, size=num_colors)
    values = np.linspace(0.4, 1.0, num_colors)[rng.permutation(num_colors)]
    saturations = rng.uniform(0.3, 0.95, size=num_colors)
    order = rng.permutation(num_colors)
    return [
        to_color(hues[i], saturations[i], values[i]) for i in order.tolist()
    ]


def to_color(hue: float, saturation: float, value: float) -> Color:
    """Convert HSV, all in [0, 1] (hue wraps), to blue, green, red."""
    rgb = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    red, green, blue = (int(round(255 * part)) for part in rgb)
    return blue, green, red


def shade(color: Color, factor: float) -> Color:
    """Make a colour darker (factor < 1) or lighter."""
    blue, green, red = (min(255, int(factor * part)) for part in color)
    return blue, green, red
