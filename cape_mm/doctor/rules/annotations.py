# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether annotations are numbers that can be right at all."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterator

import numpy as np

from ..film_table import FilmTable
from ..recipe import SPLITS, Recipe
from ..recipe_data import RecipeData
from ..rule import ERROR, WARNING, Milder, rule
from ..wording import some_of


@rule(
    'keypoints-finite',
    ERROR,
    'Mark what is not annotated with visibility 0 instead of NaN.',
)
def keypoints_finite(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Labelled landmarks are numbers."""
    for split, films in _tables(data):
        bad = [
            name
            for name, points, visible in _items(films)
            if not np.isfinite(points[visible > 0]).all()
        ]
        if bad:
            yield (
                f'{len(bad)} item(s) of {split} have labelled landmarks that '
                f'are no numbers: {some_of(bad)}'
            )


@rule(
    'out-of-image',
    ERROR,
    'Correct the coordinates, or the size of the picture that they are for.',
)
def out_of_image(recipe: Recipe, data: RecipeData) -> Iterator[str | Milder]:
    """Labelled landmarks lie in their picture."""
    for split, films in _tables(data):
        bad = []
        for (name, points, visible), size in zip(
            _items(films), films.sizes_px
        ):
            inside = ((points >= -0.5) & (points <= size - 0.5)).all(axis=1)
            is_known = np.isfinite(size).all()
            if is_known and (~inside[visible > 0]).any():
                first = int(np.flatnonzero(~inside & (visible > 0))[0])
                x, y = points[first]
                bad.append(f'{name} ({films.label(first)} {x:.0f}, {y:.0f})')
        if bad:
            text = (
                f'{len(bad)} item(s) of {split} have landmarks outside of '
                f'the picture: {some_of(bad)}'
            )
            yield text if films.schema is not None else Milder(text)


@rule(
    'duplicate-films',
    ERROR,
    'Remove the copies: they count twice and may end up in two splits.',
)
def duplicate_films(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Every film is there once."""
    for split, films in _tables(data):
        if not films.is_uniform:
            continue
        groups = defaultdict(list)
        for name, points, _ in _items(films):
            groups[points.round(3).tobytes()].append(name)
        twins = [' = '.join(g[:2]) for g in groups.values() if len(g) > 1]
        if twins:
            yield (
                f'{len(twins)} set(s) of films of {split} have exactly the '
                f'same landmarks: {some_of(twins)}'
            )


@rule(
    'constant-landmark',
    ERROR,
    'Look at the column in the source of the annotations: it holds a default '
    'value, not a landmark.',
)
def constant_landmark(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """No landmark is at the same place in all films."""
    for split, films in _tables(data):
        if not films.is_uniform:
            continue
        points, labelled = films.stack()
        for index in range(points.shape[1]):
            column = points[labelled[:, index], index]
            if len(column) < 3:
                continue
            for axis, values in zip('xy', column.T):
                if np.ptp(values) < 1e-3:
                    yield (
                        f'{films.label(index)}: {axis} is {values[0]:g} in '
                        f'all {len(values)} films of {split}'
                    )


@rule(
    'never-labelled',
    WARNING,
    'Choose a schema without it, or annotate it: its channel learns nothing.',
)
def never_labelled(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Every landmark is labelled somewhere in the training data."""
    films = data.films('train')
    if films is None or not films.is_uniform:
        return
    _, labelled = films.stack()
    missing = np.flatnonzero(~labelled.any(axis=0))
    if len(missing):
        names = [films.label(index) for index in missing]
        yield f'never labelled in the training data: {some_of(names)}'


@rule(
    'visibility-weight',
    ERROR,
    'Give keypoints_visible as 0 or 1: the 2 of COCO would become the weight '
    'of the landmark in the loss.',
)
def visibility_weight(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Visibility is no weight."""
    for split, films in _tables(data):
        highest = max(float(v.max()) for v in films.visible if len(v))
        if highest > 1:
            yield f'keypoints_visible of {split} goes up to {highest:g}'


@rule(
    'squeezed-films',
    WARNING,
    'Convert the films anew with their aspect ratio: angles and lengths are '
    'wrong in a squeezed picture.',
)
def squeezed_films(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Films have the shape of films."""
    for split, films in _tables(data):
        if films.schema is None:
            continue
        width, height = films.sizes_px.T
        if np.isfinite(width).all() and (width == height).all():
            yield (f'all films of {split} are square, which films rarely are')
        sx, sy = films.spacings.T
        uneven = np.abs(sx / sy - 1) > 0.02
        if uneven.any():
            worst = int(np.nanargmax(np.abs(sx / sy - 1)))
            yield (
                f'{int(uneven.sum())} film(s) of {split} have another '
                f'spacing along x than along y, {films.names[worst]} '
                f'{sx[worst]:g} and {sy[worst]:g} mm'
            )


def _tables(data: RecipeData) -> Iterator[tuple[str, FilmTable]]:
    seen = []
    for split in SPLITS:
        films = data.films(split)
        if films is None or any(films is other for other in seen):
            continue
        seen.append(films)
        yield split, films


def _items(films: FilmTable) -> Iterator[tuple]:
    return zip(films.names, films.keypoints_px, films.visible)
