# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether landmarks can belong to a head in lateral view."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from ..cephalogram_table import CephalogramTable
from ..rule import CONFIG_RULES, some_of
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
        facing = _facing(table)
        for pairs, axis, sign, words in (
            (_ABOVE, 1, np.ones(len(table)), 'above'),
            (_BEHIND, 0, facing, 'behind'),
        ):
            for one, other in pairs:
                first = table.column(one)
                second = table.column(other)
                if first is None or second is None:
                    continue
                offset = second[:, axis] - first[:, axis]
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
        sella, nasion = (table.column(code) for code in 'SN')
        if sella is None or nasion is None:
            continue
        length = np.linalg.norm((nasion - sella) * table.spacings, axis=1)
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


def _names(table: CephalogramTable, chosen: np.ndarray) -> list[str]:
    """Paths of the rows that a mask (N,) chooses."""
    return np.array(table.names)[chosen].tolist()


def _is_lying(table: CephalogramTable) -> np.ndarray:
    """(N,) bool, whether the longest vertical line is horizontal."""
    for one, other in (('N', 'Me'), ('N', 'B'), ('S', 'Me')):
        first, second = (table.column(c) for c in (one, other))
        if first is not None and second is not None:
            dx, dy = np.abs(second - first).T
            return dx > dy
    return np.zeros(len(table), dtype=bool)


def _facing(table: CephalogramTable) -> np.ndarray:
    """(N,) 1 to the right, -1 to the left, NaN where unknown."""
    means = []
    for codes in (_FRONT, _REAR):
        columns = [table.column(code) for code in codes]
        xs = [column[:, 0] for column in columns if column is not None]
        if not xs:
            return np.full(len(table), np.nan)
        means.append(np.ma.masked_invalid(xs).mean(axis=0).filled(np.nan))
    return np.sign(means[0] - means[1])
