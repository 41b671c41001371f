# Copyright (c) cape_mm contributors. All rights reserved.
"""A made-up face whose measurements are known."""

from __future__ import annotations

import numpy as np

from cape_mm.structures import get_schema

#: Code -> x, y in millimetres; looks to the right, y down.
POINTS = {
    'S': (0, 0), 'N': (69.2, -10.3), 'A': (69.2, 46.7), 'B': (62.4, 87.4),
    'Pog': (63.4, 101.5), 'Me': (55.4, 111.0), 'Go': (-8.1, 81.4),
    'Gn': (61.1, 107.7), 'Po': (-24, 20), 'Or': (56.2, 20),
    'ANS': (72.2, 41.7), 'PNS': (20.2, 42.6), 'Ar': (-14.5, 31.8),
    'U1': (73.2, 70.7), 'U1a': (64.2, 49.5), 'L1': (70.6, 68.7),
    'L1a': (60.8, 87.2), "N'": (75.7, -8.3), 'Sn': (82.2, 46.7),
    'Prn': (98.2, 35.7), "Pog'": (75.4, 102.5), 'UL': (85.9, 59.4),
    'LL': (82.1, 76.5),
}  # fmt: skip

#: Measurement -> value in degrees, millimetres or as a ratio.
EXPECTED = {
    'SNA': 81.534, 'SNB': 77.553, 'ANB': 3.981, 'FMA': 24.992,
    'SN-GoGn': 29.276, 'SN-MP': 33.458, 'IMPA': 92.919, 'U1-SN': 104.537,
    'U1-PP': 112.011, 'interincisal': 129.086, 'FHI': 0.670,
    'N-S-Ar': 122.978, 'gonial': 122.345, 'facial_angle': 87.030,
    'ODI': 73.501, 'APDI': 79.523, 'MW': 3.280, 'nasolabial': 108.266,
    'S-N': 69.962, 'N-Me': 122.082, 'S-Go': 81.802, 'ANS-Me': 71.307,
    'Y-axis': 60.433, 'UL-E': -3.985, 'LL-E': -2.058, 'U1-NA_mm': 4.00,
    'U1-NA': 23.00, 'L1-NB_mm': 6.88, 'L1-NB': 23.93, 'convexity': 6.04,
    'LAFH': 0.584, 'LAFH_vertical': 0.571, 'overjet': 2.6, 'overbite': 2.0,
}  # fmt: skip


def place(schema='cephalogram23', points=None):
    """Landmarks in the order of a schema.

    Returns:
        tuple: (K, 2) float64, NaN for what the face lacks, and (K,) int, 0
        for what it lacks, else 2.
    """
    points = POINTS if points is None else points
    codes = get_schema(schema).codes
    keypoints = np.array(
        [points.get(code, (np.nan, np.nan)) for code in codes], float
    )
    return keypoints, np.where(np.isnan(keypoints[:, 0]), 0, 2)
