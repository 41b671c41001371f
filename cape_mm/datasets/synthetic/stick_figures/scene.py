# Copyright (c) cape_mm contributors. All rights reserved.
"""A video of stick figures that walk, cross, hide, come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..scenery import draw_background, fill, to_color
from .figure import (
    ACTIVITIES,
    ProjectedFigure,
    draw_body,
    draw_gait,
    draw_heading,
    project_figure,
)
from .renderer import PARTS_PER_PERSON, draw_figure, find_visible

# Persons with fewer visible keypoints are regions to be ignored.
_MIN_KEYPOINTS = 3
_OCCLUDER = 255


class VisiblePerson(NamedTuple):
    """A person in an image."""

    number: int  # identity in the video
    keypoints_px: np.ndarray  # (15, 2), pixels of the image
    visible: np.ndarray  # (15,), bool
    head_box: np.ndarray  # (4,), x1, y1, x2, y2, not cut


class RenderedFrame(NamedTuple):
    """One frame."""

    image: np.ndarray  # (H, W, 3), uint8, BGR
    persons: list[VisiblePerson]  # with at least 3 visible keypoints
    ignore_regions: list[np.ndarray]  # polygons (P, 2), pixels


@dataclass(frozen=True)
class Scene:
    """Content of a video, in pixels of the scene."""

    background: np.ndarray  # (H', W', 3), uint8, larger than the frames
    figures: list[ProjectedFigure]
    occluders: list[tuple[np.ndarray, tuple]]  # outlines (4, 2), colours
    crowds: list[np.ndarray]  # (4, 2), of persons who are not annotated
    offsets: np.ndarray  # (M, 2), int64, upper left corners of the frames


def draw_scene(rng: np.random.Generator, num_frames: int, size: int) -> Scene:
    """Content of a video of M square images, whose side is in pixels."""
    margin = size // 8
    offsets = _draw_camera(rng, num_frames, margin)
    whole = (size + 2 * margin, size + 2 * margin)
    background = draw_background(whole, rng)
    horizon = margin + size * np.array([0.5, rng.uniform(0.3, 0.42)])
    crowds = []
    if rng.random() < 0.15:
        crowds += _draw_crowd(background, rng, horizon, size)
    count = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.35, 0.3, 0.15]))
    meeting = None
    if count > 1 and rng.random() < 0.55:
        meeting = rng.uniform(0, num_frames), rng.uniform(0.2, 0.8)
    figures = [
        _draw_person(rng, num_frames, size, horizon, meeting, number)
        for number in range(count)
    ]
    occluders = []
    if rng.random() < 0.4:
        occluders.append(_draw_occluder(rng, size))
    return Scene(background, figures, occluders, crowds, offsets)


def render_frame(
    scene: Scene, moment: int, size: int, rng: np.random.Generator
) -> RenderedFrame:
    """Frame of a scene at a moment; ``rng`` is the stream of its noise."""
    offset = scene.offsets[moment]
    rows, columns = (slice(corner, corner + size) for corner in offset[::-1])
    image = scene.background[rows, columns].copy()
    owner = np.zeros((size, size), np.uint8)
    count = len(scene.figures)
    grounds = [figure.ground_px[moment] for figure in scene.figures]
    grounds += [outline[:, 1].max() for outline, _ in scene.occluders]
    for number in np.argsort(grounds, kind='stable').tolist():
        if number < count:
            figure = scene.figures[number]
            draw_figure(image, owner, figure, moment, number, offset)
        else:
            outline, color = scene.occluders[number - count]
            fill(image, outline - offset, color)
            fill(owner, outline - offset, _OCCLUDER, smooth=False)
    noise = 4 * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    persons, regions = [], [crowd - offset for crowd in scene.crowds]
    for number, figure in enumerate(scene.figures):
        keypoints = figure.keypoints_px[moment] - offset
        visible = find_visible(owner, keypoints, number, figure.facing[moment])
        if visible.sum() >= _MIN_KEYPOINTS:
            middle, radii = figure.find_head(keypoints, moment)
            head = np.concatenate([middle - radii, middle + radii])
            persons.append(VisiblePerson(number, keypoints, visible, head))
        else:
            # a person with hardly a visible keypoint, if it is visible at all
            first = 1 + PARTS_PER_PERSON * number
            is_own = (owner >= first) & (owner < first + PARTS_PER_PERSON)
            regions += _bound(is_own, margin=1)
    return RenderedFrame(image, persons, regions)


def _draw_camera(
    rng: np.random.Generator, num_frames: int, margin: int
) -> np.ndarray:
    """Offsets (M, 2) of a camera that stands still, or moves a little."""
    speed = rng.uniform(-1, 1, size=2) * (margin / num_frames, 0.2)
    if rng.random() < 0.65:
        speed = np.zeros(2)
    time = np.arange(num_frames) - num_frames / 2
    path = np.round(margin + time[:, None] * speed).astype(int)
    return path.clip(0, 2 * margin)


def _draw_person(
    rng: np.random.Generator,
    num_frames: int,
    size: int,
    horizon: np.ndarray,
    meeting: tuple[float, float] | None,
    number: int,
) -> ProjectedFigure:
    """A person that is in the image at some time."""
    activity = str(rng.choice(ACTIVITIES, p=[0.65, 0.1, 0.25]))
    moment, place = rng.uniform(0, num_frames), rng.uniform(0.08, 0.92)
    side = 1 if rng.random() < 0.5 else -1
    if meeting is not None and number < 2:
        # Two who meet come from both sides.
        moment = meeting[0] + rng.uniform(-2, 2)
        place = meeting[1] + rng.uniform(-0.08, 0.08)
        side = (1, -1)[number]
    elif activity != 'stand' and rng.random() < 0.3:
        # At the border: it comes or goes.
        place = rng.choice([-0.02, 1.02])
    height = size * rng.uniform(0.36, 0.68)
    near = (height / size - 0.36) / 0.32
    ground = horizon[1] + size * (0.2 + 0.38 * near + rng.uniform(-0.03, 0.03))
    body = draw_body(rng, height)
    gait = draw_gait(rng, activity, body.leg, num_frames)
    heading = draw_heading(rng, activity, side, num_frames)
    place_px = np.array([size // 8 + place * size, ground])
    return project_figure(body, gait, heading, moment, place_px, horizon)


def _draw_occluder(
    rng: np.random.Generator, size: int
) -> tuple[np.ndarray, tuple]:
    """A post, a box or a wall: its outline (4, 2) and colour."""
    margin = size // 8
    width = size * rng.choice([0.06, 0.14, 0.25])
    height = size * rng.uniform(0.15, 0.6)
    left = margin + rng.uniform(0, size - width)
    ground = margin + size * rng.uniform(0.7, 1.0)
    outline = _rectangle(left, ground - height, left + width, ground)
    return outline, to_color(*rng.uniform((0, 0.1, 0.2), (1, 0.6, 0.9)))


def _draw_crowd(
    background: np.ndarray,
    rng: np.random.Generator,
    horizon: np.ndarray,
    size: int,
) -> list[np.ndarray]:
    """Draw small persons far away; their region (4, 2), in a list."""
    count = int(rng.integers(3, 6))
    height = 0.16 * size
    start = horizon[0] + size * rng.uniform(-0.45, 0.2)
    places = start + 0.55 * height * np.arange(count)
    owner = np.zeros(background.shape[:2], np.uint8)
    for number, place in enumerate(places):
        body = draw_body(rng, height * rng.uniform(0.85, 1))
        gait = draw_gait(rng, 'stand', body.leg, 1)
        heading = draw_heading(rng, 'stand', 1, 1)
        ground = np.array([place, horizon[1] + 0.12 * size])
        figure = project_figure(body, gait, heading, 0, ground, horizon)
        draw_figure(background, owner, figure, 0, number, np.zeros(2))
    return _bound(owner, margin=2)


def _bound(mask: np.ndarray, margin: int) -> list[np.ndarray]:
    """Corners (4, 2) of the box around a mask (H, W), if it is not empty."""
    y, x = np.nonzero(mask)
    if not len(x):
        return []
    low_x, low_y = x.min() - margin, y.min() - margin
    return [_rectangle(low_x, low_y, x.max() + margin, y.max() + margin)]


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Corners (4, 2) of a box."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)
