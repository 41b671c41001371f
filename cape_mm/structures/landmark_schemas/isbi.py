# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

TITLE = 'ISBI 2014/2015 challenge, 19 landmarks'
SOURCE = 'Wang et al., Medical Image Analysis 31 (2016) 63-76'
LANDMARKS = (
    ('S', 'Sella'),
    ('N', 'Nasion'),
    ('Or', 'Orbitale'),
    ('Po', 'Porion'),
    ('A', 'Subspinale'),
    ('B', 'Supramentale'),
    ('Pog', 'Pogonion'),
    ('Me', 'Menton'),
    ('Gn', 'Gnathion'),
    ('Go', 'Gonion'),
    ('L1', 'Incision inferius'),
    ('U1', 'Incision superius'),
    ('UL', 'Upper lip'),
    ('LL', 'Lower lip'),
    ('Sn', 'Subnasale'),
    ("Pog'", 'Soft-tissue pogonion'),
    ('PNS', 'Posterior nasal spine'),
    ('ANS', 'Anterior nasal spine'),
    ('Ar', 'Articulare'),
)
