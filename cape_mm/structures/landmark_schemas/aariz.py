# Copyright (c) cape_mm contributors. All rights reserved.
"""The names are the symbols of the annotation files, in their order."""

from __future__ import annotations

TITLE = 'Aariz (CEPHA29), 29 landmarks'
SOURCE = 'Khalid et al., arXiv 2302.07797'
LANDMARKS = (
    ('A', 'A'),
    ('ANS', 'ANS'),
    ('B', 'B'),
    ('Me', 'Me'),
    ('N', 'N'),
    ('Or', 'Or'),
    ('Pog', 'Pog'),
    ('PNS', 'PNS'),
    ('Prn', 'Pn'),
    ('R', 'R'),
    ('S', 'S'),
    ('Ar', 'Ar'),
    ('Co', 'Co'),
    ('Gn', 'Gn'),
    ('Go', 'Go'),
    ('Po', 'Po'),
    ('L5', 'LPM'),
    ('L1', 'LIT'),
    ('L6', 'LMT'),
    ('U5', 'UPM'),
    ('U1a', 'UIA'),
    ('U1', 'UIT'),
    ('U6', 'UMT'),
    ('L1a', 'LIA'),
    ('LL', 'Li'),
    ('UL', 'Ls'),
    ("N'", 'N`'),
    ("Pog'", 'Pog`'),
    ('Sn', 'Sn'),
)
