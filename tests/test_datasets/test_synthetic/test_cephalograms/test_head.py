# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np

from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.datasets.synthetic.cephalograms.head import draw_skin, draw_vault

SOFT = ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")


def test_landmarks_are_inside_of_the_skin_or_on_it():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        face = draw_face(rng)
        skin = draw_skin(face.points, draw_vault(face.points, rng), rng)
        contour = skin.astype(np.float32)[:, None]
        for code, (x, y) in face.points.items():
            depth = cv2.pointPolygonTest(contour, (float(x), float(y)), True)
            if code in SOFT:
                assert abs(depth) < 0.01, code
            else:
                assert depth > 1.0, (seed, code)
