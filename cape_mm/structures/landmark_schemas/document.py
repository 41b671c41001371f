# Copyright (c) cape_mm contributors. All rights reserved.
"""No Or, Po, Ar and bony Pog: without Frankfort plane, FMA and Wits."""

from __future__ import annotations

TITLE = 'Nineteen landmarks of the HRNetV2-W18 training document'
SOURCE = (
    'private table, one row per cephalogram, columns <name>_x and <name>_y'
)
LANDMARKS = (
    ('S', 'sella'),
    ('N', 'nasion'),
    ('A', 'A_point'),
    ('B', 'B_point'),
    ('U1', 'upper_1_tip'),
    ('U1a', 'upper_1_apex'),
    ('L1', 'lower_1_tip'),
    ('L1a', 'lower_1_apex'),
    ('ANS', 'ANS'),
    ('PNS', 'PNS'),
    ('Go', 'Gonion'),
    ('Me', 'Menton'),
    ("N'", 'ST_Nasion'),
    ('Prn', 'Tip_of_the_nose'),
    ('Sn', 'Subnasal'),
    ('UL', 'Upper_lip'),
    ('LL', 'Lower_lip'),
    ("Pog'", 'ST_Pogonion'),
    ('Gn', 'gnathion'),
)
