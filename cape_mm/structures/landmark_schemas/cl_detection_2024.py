# Copyright (c) cape_mm contributors. All rights reserved.
"""The file only numbers the landmarks, p1 to p53: none is measured."""

from __future__ import annotations

TITLE = 'CL-Detection 2024 challenge, 53 landmarks'
SOURCE = 'MICCAI 2024 challenge, columns p1x, p1y, ... of its table'
LANDMARKS = tuple((f'p{number}', f'p{number}') for number in range(1, 54))
