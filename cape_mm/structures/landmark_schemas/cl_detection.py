# Copyright (c) cape_mm contributors. All rights reserved.
"""The files only number the landmarks, 1 to 38.

1 to 19 are in the ISBI order; the meaning of 20 to 38 is known from third
parties only.
"""

from __future__ import annotations

from .isbi import LANDMARKS as _ISBI

TITLE = 'CL-Detection 2023 challenge, 38 landmarks'
SOURCE = 'MICCAI 2023 challenge; names of 20 to 38 from third parties'
LANDMARKS = (
    *_ISBI,
    ('D', 'D point'),
    ('U1a', 'Upper incisor apex'),
    ('L1a', 'Lower incisor apex'),
    ('Cm', 'Columella'),
    ('Ptm', 'Pterygomaxillare'),
    ('Co', 'Condylion'),
    ('Prn', 'Pronasale'),
    ('Ba', 'Basion'),
    ('PT', 'PT point'),
    ('Bo', 'Bolton'),
    ("UL'", 'Upper lip border'),
    ("LL'", 'Lower lip border'),
    ("Gn'", 'Soft-tissue gnathion'),
    ("Me'", 'Soft-tissue menton'),
    ('G', 'Glabella'),
    ("N'", 'Soft-tissue nasion'),
    ('C', 'Cervical point'),
    ('U6m', 'Upper molar'),
    ('L6m', 'Lower molar'),
)
