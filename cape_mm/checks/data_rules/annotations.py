# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether annotations can be right, and belong to a head in lateral view."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterator

import numpy as np

from ..cephalogram_table import CephalogramTable
from ..rule import CONFIG_RULES, WARNING, Message, some_of
from ..training_config import TrainingConfig

#: Upper and lower landmark, centimetres apart in every head.
_ABOVE = (
    *(('N', 'ANS'), ('N', 'A'), ('ANS', 'Me'), ('A', 'Me'), ('S', 'Go')),
    *(('Po', 'Go'), ('U1a', 'U1'), ('L1', 'L1a'), ("N'", 'Prn')),
    *(('Prn', 'LL'), ('UL', "Pog'")),
)
#: Rear and front landmark.
_BEHIND = (
    *(('S', 'N'), ('PNS', 'ANS'), ('Po', 'Or'), ('Po', 'Prn'), ('Ar', 'A')),
    *(('Go', 'Me'), ('Go', 'B'), ('S', 'Prn')),
)
_REAR = ('S', 'Po', 'Ar', 'Go', 'PNS', 'Co', 'Ba')
_FRONT = ('N', 'Or', 'ANS', 'A', 'B', 'Pog', 'Me', 'U1', 'Prn', 'Sn', "Pog'")
_SELLA_NASION_MM = (40.0, 100.0)


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
        for name, shape in zip(table.names, table.shapes):
            groups[shape].append(name)
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


@CONFIG_RULES.error(
    'Exchange x and y of these cephalograms in the annotation file.'
)
def axes_swapped(config: TrainingConfig) -> Iterator[str]:
    """Exchanged x and y."""
    for split, table in config.tables(schema=True):
        lying = _names(table, _is_lying(table))
        if lying:
            yield (
                f'in {len(lying)} cephalogram(s) of {split} the face lies on '
                f'its side: {some_of(lying)}'
            )


@CONFIG_RULES.error(
    'View these cephalograms with their landmarks: columns are '
    'exchanged, or the names are in another order than the numbers.'
)
def landmark_order(config: TrainingConfig) -> Iterator[str]:
    """A nose behind the ear, a root below the crown."""
    for split, table in config.tables(schema=True):
        upright = ~_is_lying(table)
        for pairs, axis, sign, words in (
            (_ABOVE, 1, np.ones(len(table)), 'above'),
            (_BEHIND, 0, _facing(table), 'behind'),
        ):
            for one, other in pairs:
                offset = (table.column(other) - table.column(one))[:, axis]
                names = _names(table, upright & (sign * offset < 0))
                if names:
                    yield (
                        f'{one} is not {words} {other} in {len(names)} '
                        f'cephalogram(s) of {split}: {some_of(names)}'
                    )


@CONFIG_RULES.warning(
    'Mirror the cephalograms that face the other way, with their landmarks.'
)
def facing_mixed(config: TrainingConfig) -> Iterator[str]:
    """Heads that face different sides."""
    sides = {}
    for split, table in config.tables(schema=True):
        upright = ~_is_lying(table)
        facing = _facing(table)[upright]
        left, right = int((facing < 0).sum()), int((facing > 0).sum())
        if left and right:
            yield (
                f'{left} cephalograms of {split} face left, {right} face right'
            )
        elif left or right:
            sides[split] = 'left' if left else 'right'
    if len(set(sides.values())) > 1:
        listed = ', '.join(f'{s} {side}' for s, side in sides.items())
        yield f'the cephalograms of the splits face different sides: {listed}'


@CONFIG_RULES.error(
    'Correct the spacing (mm per pixel of the image as it is stored) or the '
    'landmarks S and N.'
)
def impossible_size(config: TrainingConfig) -> Iterator[str]:
    """S and N not 40 to 100 mm apart."""
    low, high = _SELLA_NASION_MM
    for split, table in config.tables(schema=True):
        offset = table.column('N') - table.column('S')
        length = np.linalg.norm(offset * table.spacings, axis=1)
        names = [
            f'{name} {mm:.0f} mm'
            for name, mm in zip(table.names, length)
            if mm < low or mm > high
        ]
        if names:
            yield (
                f'in {len(names)} cephalogram(s) of {split} S and N are not '
                f'{low:g} to {high:g} mm apart: {some_of(names)}'
            )


def _rows(table: CephalogramTable) -> Iterator[tuple]:
    return zip(table.names, table.keypoints_px, table.visible)


def _names(table: CephalogramTable, chosen: np.ndarray) -> list[str]:
    """Paths of the rows that a mask (N,) chooses."""
    return np.array(table.names)[chosen].tolist()


def _is_lying(table: CephalogramTable) -> np.ndarray:
    """(N,) bool, whether the longest vertical line is horizontal."""
    for one, other in (('N', 'Me'), ('N', 'B'), ('S', 'Me')):
        dx, dy = np.abs(table.column(other) - table.column(one)).T
        if np.isfinite(dx).any():
            return dx > dy
    return np.zeros(len(table), dtype=bool)


def _facing(table: CephalogramTable) -> np.ndarray:
    """(N,) 1 to the right, -1 to the left, NaN where unknown."""
    means = []
    for codes in (_FRONT, _REAR):
        xs = [table.column(code)[:, 0] for code in codes]
        means.append(np.ma.masked_invalid(xs).mean(axis=0).filled(np.nan))
    return np.sign(means[0] - means[1])
