# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether annotations are numbers that can be right at all."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterator

import numpy as np

from ..cephalogram_table import CephalogramTable
from ..rule import CONFIG_RULES, WARNING, Message, some_of
from ..training_config import TrainingConfig


@CONFIG_RULES.error(
    'Mark what is not annotated with visibility 0 instead of NaN.'
)
def keypoints_finite(config: TrainingConfig) -> Iterator[str]:
    """Labelled landmarks that are no numbers."""
    for split, table in config.tables():
        bad = [
            name
            for name, points, visible in _rows(table)
            if not np.isfinite(points[visible > 0]).all()
        ]
        if bad:
            yield (
                f'{len(bad)} instance(s) of {split} have labelled landmarks '
                f'that are no numbers: {some_of(bad)}'
            )


@CONFIG_RULES.error(
    'Correct the coordinates, or the size of the image that they are for.'
)
def out_of_image(config: TrainingConfig) -> Iterator[str | Message]:
    """Labelled landmarks outside of the image; a warning without schema."""
    for split, table in config.tables():
        bad = []
        for (name, points, visible), size in zip(_rows(table), table.sizes_px):
            inside = ((points >= -0.5) & (points <= size - 0.5)).all(axis=1)
            is_known = np.isfinite(size).all()
            if is_known and (~inside[visible > 0]).any():
                first = int(np.flatnonzero(~inside & (visible > 0))[0])
                x, y = points[first]
                bad.append(f'{name} ({table.label(first)} {x:.0f}, {y:.0f})')
        if bad:
            text = (
                f'{len(bad)} instance(s) of {split} have landmarks outside of '
                f'the image: {some_of(bad)}'
            )
            has_schema = table.schema is not None
            yield text if has_schema else Message(text, WARNING)


@CONFIG_RULES.error(
    'Remove the copies: they count twice and may end up in two splits.'
)
def duplicate_cephalograms(config: TrainingConfig) -> Iterator[str]:
    """The same landmarks twice in a split."""
    for split, table in config.tables(uniform=True):
        groups = defaultdict(list)
        for name, points, _ in _rows(table):
            groups[points.round(3).tobytes()].append(name)
        twins = [' = '.join(g[:2]) for g in groups.values() if len(g) > 1]
        if twins:
            yield (
                f'{len(twins)} set(s) of cephalograms of {split} have exactly '
                f'the same landmarks: {some_of(twins)}'
            )


@CONFIG_RULES.error(
    'Check the column in the source of the annotations: it holds a default '
    'value, not a landmark.'
)
def constant_landmark(config: TrainingConfig) -> Iterator[str]:
    """A landmark with one value in all cephalograms of a split."""
    for split, table in config.tables(uniform=True):
        points, labelled = table.points_px, table.labelled
        for index in range(points.shape[1]):
            column = points[labelled[:, index], index]
            if len(column) < 3:
                continue
            for axis, values in zip('xy', column.T):
                if np.ptp(values) < 1e-3:
                    name = table.label(index)
                    yield (
                        f'{name}: {axis} is {values[0]:g} in all '
                        f'{len(values)} cephalograms of {split}'
                    )


@CONFIG_RULES.warning(
    'Choose a schema without it, or annotate it: its channel learns nothing.'
)
def never_labelled(config: TrainingConfig) -> Iterator[str]:
    """A landmark that no training cephalogram has."""
    for _, table in config.tables(['train'], uniform=True):
        missing = np.flatnonzero(~table.labelled.any(axis=0))
        if len(missing):
            names = [table.label(index) for index in missing]
            yield f'never labelled in the training data: {some_of(names)}'


@CONFIG_RULES.error(
    'Give keypoints_visible as 0 or 1: the 2 of COCO would become the weight '
    'of the landmark in the loss.'
)
def visibility_weight(config: TrainingConfig) -> Iterator[str]:
    """Visibility 2 that becomes a weight of 2."""
    for split, table in config.tables():
        highest = max(float(v.max()) for v in table.visible if len(v))
        if highest > 1:
            yield f'keypoints_visible of {split} goes up to {highest:g}'


@CONFIG_RULES.warning(
    'Convert the cephalograms anew with their aspect ratio: angles and '
    'lengths are wrong in a squeezed image.'
)
def squeezed_cephalograms(config: TrainingConfig) -> Iterator[str]:
    """Only square cephalograms; pixels that are no squares."""
    for split, table in config.tables(schema=True):
        width, height = table.sizes_px.T
        if np.isfinite(width).all() and (width == height).all():
            yield (
                f'all cephalograms of {split} are square, which cephalograms '
                'rarely are'
            )
        sx, sy = table.spacings.T
        stretch = np.abs(sx / sy - 1)
        uneven = stretch > 0.02
        if uneven.any():
            worst = int(np.nanargmax(stretch))
            yield (
                f'{int(uneven.sum())} cephalogram(s) of {split} have another '
                f'spacing along x than along y, {table.names[worst]} '
                f'{sx[worst]:g} and {sy[worst]:g} mm'
            )


def _rows(table: CephalogramTable) -> Iterator[tuple]:
    return zip(table.names, table.keypoints_px, table.visible)
