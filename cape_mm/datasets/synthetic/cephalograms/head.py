# Copyright (c) cape_mm contributors. All rights reserved.
"""What lies in the way of the rays: skin, skull, jaws, teeth, neck.

Everything is placed from the landmarks of a face, in its frame, so that each
landmark is where an observer would mark it.
"""

from __future__ import annotations

import re
from typing import Collection, NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from .face import Points, direct, leave, normal

# The vault from the brow over the top to the rear margin of the foramen
# magnum, for S-N = 70 mm, relative to S; and its centre.
_VAULT = ((60, -58), (38, -80), (4, -92), (-38, -91), (-78, -72), (-103, -36),
          (-105, 0), (-90, 26), (-64, 42))  # fmt: skip
_CENTER = np.array([-20.0, -25.0])
#: Landmarks of other lists that :func:`find_places` adds.
JAW_LANDMARKS = ('Co', 'R', 'U5', 'L5', 'U6', 'L6')
# Tooth -> millimetres behind the incisors.
_TEETH = {'4': 13.0, '5': 20.0, '6': 28.5, '7': 39.0}
_PLACES = re.compile(r'([A-Za-z][^\s,]*)((?:\s+[-.\d]+,[-.\d]+)*)')
# Millimetres of a frame and densities vary from head to head by these factors.
_VARIATION = (0.85, 1.15)
# Name | owners | density, width (0 for an area), blur in mm, again | contour
#
# A row has a piece for each three numbers and for each owner that is not
# hidden; * stands for the owner. A contour is a sequence of frames, each with
# places x,y in it, or alone for its origin; ~ makes it smooth. Frames are
# landmarks and points of find_places and _Tracer (mm to the front and down),
# ways A>B (fraction of the way, mm to its left), and names of rows above and
# curves of _Tracer, for all of their points.
_CONTOURS = """
profile | | | ~nape 6,175 14,65 12,45 scalp N 9.5,-13 N' N'>Prn .55,1.2
  Prn 0,0 -4,6 Prn>Sn .75,1.6 Sn
upper_lip | | | ~Sn Sn>UL .45,-1.5 UL UL>mouth .6,2.2 mouth
lower_face | | | ~mouth LL>mouth .6,-2.2 LL LL>Pog' .5,-4.2 Pog' Gn 7,7
  Me -2,9 Me>Go .24,16.5 .35,19 .31,38 .01,88
skin | Prn | .26 0 .3 | profile upper_lip lower_face
cheek bone | | .16 0 1 | ~Or 5,.5 -4,14 -10,22 -15,9 -13,-2 5,.5
ethmoid bone | | .08 0 3 | ~N -6,2 ANS -8,-6 PNS 2,-6 S 14,4 N -6,2
airway | | -.13 0 .6 | ~PNS -1,-3 -1,2 -7,12 -16,34 -13,62 -6,90 -15,91
  -24,62 -25,30 -14,-3 -1,-3
sphenoid sinus | | -.1 0 1.2 | ~S 26,7 16,15 4,11 14,3 26,7
frontal sinus | | -.22 0 .6 | ~N -1,-14 -5,-7 -7,-14 -3,-21 -1,-14
maxillary sinus | | -.08 0 1.2 | ~PNS 31,-11 19,-1 5,-7 17,-17 31,-11
petrous bone | | .28 0 2.5 | ~S -6,8 -17,23 -36,22 -25,7 -6,8
mastoid cells | | .14 0 2 | ~S -30,33 -42,41 -46,27 -34,19 -30,33
atlas, front | | .2 0 .4 | ~Ar -19,16 -24,20.5 -29,16 -24,11.5 -19,16
atlas, rear | | .2 0 .4 | ~Ar -43,18 -52,22 -61,18 -52,14 -43,18
axis, tooth | | .22 0 .4 | ~Ar -26,20 -33,30 -36,18 -29,8 -26,20
vertebra | C3 C4 C5 C6 | .2 0 .5 .16 1.1 0 | * 7.5,-6 7.5,6 -7.5,6 -7.5,-6
  7.5,-6
spine | C3 C4 C5 C6 | .14 0 .8 | ~* -9,2 -21,8 -35,8 -23,2 -9,2
clivus | | .3 3 .6 | ~Ar -9,6.5 S -11,1 -7.4,-6.8
sella | | | ~S -5.1,-1.8 -5,2 -2.7,4.6 0,5.3 2.7,4.6 5,2 5.1,-1.8
sella, edge | | .4 1.6 .2 | S -7.4,-6.8 sella S 6,-6.3 12.4,-5.3
fossa | | .28 1.6 0 | ~S 12.4,-5.3 22,-8.5 N -32,-5 -13,-8 -5,-4
brain | | .16 0 .5 | vault clivus sella S 6,-6.3 fossa
vault, bone | | .33 0 .4 | vault inside
vault, outside | | .15 1.3 0 | vault
vault, inside | | .15 1.3 0 | inside
base, below | | .32 1.5 0 | ~Ar -9,6.5 0,0 12,-8 24,-13
nasal bone | | .42 0 .2 | N>Prn 0,0 .22,.8 .45,0 .27,-2.2 .02,-5
suture | | -.3 1.2 0 | N 1,-.3 -7,2
orbit | Or | -.13 0 .8 | ~* 15.5,-16.5 11,-4.8 0,0 -11,-4.8 -15.5,-16.5
  -11,-28 0,-33 11,-28 15.5,-16.5
orbit, rim | Or | .3 1.7 0 | ~* 15,-12 11,-4.8 0,0 -11,-4.8 -15.5,-16.5
  -11,-28 -6.5,-31.5
orbit, floor | Or | .3 1.7 0 | ~* 10,-4 0,0 -10,-4
ear rod | Po | -.35 0 0 1.1 1.7 0 | ~* 4,4 2.9,7 0,8 -2.9,7 -4,4 -2.9,1 0,0
  2.9,1 4,4
upper jaw, front | | .3 1.1 0 | ~ANS A crestU
upper jaw | | .18 0 .5 | ~ANS A crestU U1>U1a .46,3.4 U7 -1,-8 PNS 1,8 0,0
palate | | .3 0 .2 | PNS>ANS 0,0 .25,.3 .75,.3 1,0 .85,-3.4 .5,-3.8 .15,-1.9
palate, edge | | .3 1.1 0 | PNS ANS
chin | | .34 1.5 0 | ~crestL B Pog Gn Me
border | | .34 1.5 0 | ~Me Me>Go .1,-.4 .3,.6 .65,2 .88,.5 Go
  Go>Ar .18,-.4 .6,1.2 Ar Go>Ar 1.14,-.5 Co
ramus | | .18 1.2 0 | ~Go>Ar 1.12,-10 .94,-15 1.06,-27 R L7 -7,8
tongue_side | | .2 1.2 0 | ~Me -6,-1.5 -11,-9 L1a -7,1 L1>L1a .46,-3.3
lower jaw | | .24 0 .4 | chin border ramus L1>L1a .46,-3.3
symphysis | | .16 0 .5 | chin tongue_side
premolar | U4 L4 U5 L5 | .12 0 .3 | *>*a 0,-2.3 .08,-3.2 .36,-2.8 1,-1.6
  .6,0 1,1.3 .36,2.8 .08,3.2 0,2.3 .07,0
molar | U6 L6 U7 L7 | .12 0 .3 | *>*a 0,-3.4 .08,-4.9 .36,-4.2 1,-2.4
  .6,0 1,2 .36,4.2 .08,4.9 0,3.4 .07,0
premolar, crown | U4 L4 U5 L5 | .28 0 0 | *>*a 0,-2.3 .08,-3.2 .36,-2.8
  .36,2.8 .08,3.2 0,2.3 .07,0
molar, crown | U6 L6 U7 L7 | .28 0 0 | *>*a 0,-3.4 .08,-4.9 .36,-4.2
  .36,4.2 .08,4.9 0,3.4 .07,0
incisor | U1 L1 | .39 0 0 -.12 .8 0 | ~*>*a 0,0 .02,1 .25,2.7 .42,3.3 .6,2.9
  .85,1.6 1,0 .85,-1.6 .6,-2.9 .42,-3.3 .25,-2.7 .02,-1 0,0
incisor, crown | U1 L1 | .3 0 0 | *>*a 0,.4 .1,1.2 .25,2.7 .42,3.3
  .42,-3.3 .25,-2.7 .1,-1.2 0,-.4
incisor, canal | U1 L1 | -.14 .9 0 | *>*a .35,0 .9,0
"""


class Piece(NamedTuple):
    """Something in the way of the rays: an area, or a line of some width.

    ``outline`` (M, 2), float64, x, y; ``density`` is the added attenuation,
    negative for air; ``width`` (0 for an area) and ``blur`` in millimetres.
    """

    outline: np.ndarray
    density: float
    width: float = 0.0
    blur: float = 0.0


def draw_head(
    points: Points, rng: np.random.Generator, hidden: Collection[str]
) -> list[Piece]:
    """Pieces of a head around its landmarks, without the hidden ones."""
    tracer = _Tracer(find_places(points), rng)
    pieces = []
    for row in _CONTOURS.strip().replace('\n  ', ' ').splitlines():
        name, owners, numbers, contour = (c.strip() for c in row.split('|'))
        for owner in owners.split() or ['']:
            if owner in hidden:
                continue
            outline = tracer.trace(contour.replace('*', owner))
            tracer.places[name] = outline
            strokes = np.array(numbers.split(), float).reshape(-1, 3)
            strokes[:, 0] *= rng.uniform(*_VARIATION, size=len(strokes))
            pieces += [Piece(outline, *stroke) for stroke in strokes.tolist()]
    # Faint grooves and folds inside of the vault.
    for start in rng.uniform(-45.0, 45.0, size=(4, 2)):
        way = start + np.cumsum(rng.normal(0.0, 14.0, size=(4, 2)), axis=0)
        density, width = rng.uniform((-0.05, 1.5), (0.06, 4.0))
        pieces.append(Piece(smooth(_CENTER + way), density, width, 1.0))
    return pieces


def find_places(points: Points) -> Points:
    """Landmarks and points (2,) that follow from them.

    Co, R, cusps and roots of the other teeth (U4, U4a to L7, L7a), ``mouth``,
    where the lips close, and the crest of the bone in front of the incisors.
    """
    p = dict(points)
    height = np.linalg.norm(p['Ar'] - p['Go'])
    up = (p['Ar'] - p['Go']) / height
    front = np.array([-up[1], up[0]])
    p['Co'] = p['Ar'] + 11.0 * up + 5.0 * front
    p['R'] = p['Go'] + 0.55 * height * up + 29.0 * front
    # The plane in which teeth meet lies between palate and border of the jaw.
    forward, down = p['Me'] - p['Go']
    tilt = 0.4 * np.degrees(np.arctan2(down, forward))
    rise = direct(90.0 - tilt)
    for tooth, distance in _TEETH.items():
        bite = 0.5 * (p['U1'] + p['L1']) + distance * direct(180.0 - tilt)
        for name, root in ((f'U{tooth}', rise), (f'L{tooth}', -rise)):
            p[name] = bite - 0.5 * root
            p[f'{name}a'] = p[name] + 18.0 * root
    for jaw, bone, distance in (('U', 'A', -3.4), ('L', 'B', 3.3)):
        crest = leave(p[f'{jaw}1'], p[f'{jaw}1a'], 0.46, distance)
        crest[0] = max(crest[0], p[bone][0] + 1.5)
        p[f'crest{jaw}'] = crest
    # Lips close in front of the teeth.
    lips, teeth = np.array([p['UL'], p['LL']]), (p['U1'][0], p['L1'][0])
    x = max(lips[:, 0].min() - 5.0, max(teeth) + 2.0)
    p['mouth'] = np.array([x, lips[:, 1].mean()])
    return p


def smooth(knots: np.ndarray, steps: int = 6) -> np.ndarray:
    """Catmull-Rom spline through (K, 2), closed if it ends at its start."""
    tangents = np.gradient(knots, axis=0)
    if np.array_equal(knots[0], knots[-1]):
        tangents[[0, -1]] = 0.5 * (knots[1] - knots[-2])
    numbers = np.arange(len(knots))
    spline = CubicHermiteSpline(numbers, knots, tangents)
    return spline(np.arange(steps * numbers[-1] + 1) / steps)


class _Tracer:
    """Traces contours; in one head, a frame has one random scale."""

    def __init__(self, points: Points, rng: np.random.Generator) -> None:
        self.places = points  # name -> (2,), or (M, 2) of a contour
        self._rng = rng
        self._axes: dict[str, np.ndarray] = {}
        scale = np.linalg.norm(points['N']) / 70.0
        vault = np.array(_VAULT) * scale * rng.normal(1.0, 0.03, size=2)
        vault += rng.normal(0.0, 1.2, size=vault.shape)
        scalp = _CENTER + 1.07 * (vault[-2::-1] - _CENTER)
        points.update(vault=vault, scalp=scalp, nape=scalp[0])
        points['vault'] = vault = self.trace('~N 0,0 3,-9 2,-24 vault')
        inside = rng.uniform(0.925, 0.955) * (vault[::-1] - _CENTER)
        points['inside'] = _CENTER + inside
        vertebra = points['Ar'] + (-31.0, 36.0)
        step = (-rng.uniform(1.0, 4.0), 17.0)
        for name in ('C3', 'C4', 'C5', 'C6'):
            points[name] = vertebra
            vertebra = vertebra + step

    def trace(self, contour: str) -> np.ndarray:
        """Points (M, 2) of a contour."""
        parts = []
        for frame, numbers in _PLACES.findall(contour):
            start, *ends = (self.places[name] for name in frame.split('>'))
            if frame not in self._axes:
                scale = self._rng.uniform(*_VARIATION, size=2)
                self._axes[frame] = np.diag(scale)
                for end in ends:
                    across = scale[1] * normal(start, end)
                    self._axes[frame] = np.array([end - start, across])
            offsets = np.array(re.split('[ ,]+', numbers or ' 0,0')[1:], float)
            parts.append(start + offsets.reshape(-1, 2) @ self._axes[frame])
        points = np.concatenate(parts)
        return smooth(points) if contour[0] == '~' else points
