# Copyright (c) cape_mm contributors. All rights reserved.
"""The union of the document's and the ISBI landmarks."""

from __future__ import annotations

TITLE = 'Synthetic cephalograms, 23 landmarks'
SOURCE = 'cape_mm.datasets.synthetic'
LANDMARKS = (
    ('S', 'sella'),
    ('N', 'nasion'),
    ('Or', 'orbitale'),
    ('Po', 'porion'),
    ('Ar', 'articulare'),
    ('ANS', 'anterior_nasal_spine'),
    ('PNS', 'posterior_nasal_spine'),
    ('A', 'subspinale'),
    ('B', 'supramentale'),
    ('Pog', 'pogonion'),
    ('Gn', 'gnathion'),
    ('Me', 'menton'),
    ('Go', 'gonion'),
    ('U1', 'upper_incisor_tip'),
    ('U1a', 'upper_incisor_apex'),
    ('L1', 'lower_incisor_tip'),
    ('L1a', 'lower_incisor_apex'),
    ("N'", 'soft_nasion'),
    ('Prn', 'nose_tip'),
    ('Sn', 'subnasale'),
    ('UL', 'upper_lip'),
    ('LL', 'lower_lip'),
    ("Pog'", 'soft_pogonion'),
)
