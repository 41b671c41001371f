# Copyright (c) cape_mm contributors. All rights reserved.
"""Landmarks of lateral cephalograms: definitions, and lists of the datasets.

Lateral view, face to the right. A prime marks soft tissue.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

#: Sigma of every landmark in OKS, relative to the size of the head.
SIGMA = 0.035
#: Code -> definition, whichever dataset the landmark comes from.
DEFINITIONS = {
    # Cranial base and orbit.
    'S': 'centre of the outline of the pituitary fossa',
    'N': 'front-most point of the fronto-nasal suture',
    'Or': 'lowest point of the lower rim of the orbit',
    'Po': 'top of the bony ear canal, or of the ring of the ear rod',
    'Ar': 'where the rear border of the ramus crosses the cranial base',
    'Ba': 'front margin of the foramen magnum',
    'Bo': 'deepest point of the notch behind the occipital condyle',
    'Ptm': 'lowest point of the pterygomaxillary fissure',
    'PT': 'rear upper border of the pterygomaxillary fissure',
    # Upper jaw.
    'ANS': 'front tip of the hard palate',
    'PNS': 'rear end of the hard palate',
    'A': 'deepest point of the front contour of the upper jaw, between ANS '
    'and the alveolar crest',
    # Lower jaw.
    'B': 'deepest point of the front contour of the lower jaw, between the '
    'alveolar crest and the chin',
    'Pog': 'front-most point of the bony chin',
    'Gn': 'most forward and downward point of the chin, between Pog and Me',
    'Me': 'lowest point of the symphysis',
    'Go': 'most backward and downward point of the angle of the jaw',
    'D': 'centre of the symphysis',
    'Co': 'top of the condyle',
    'R': 'a point of the border of the ramus',
    # Teeth.
    'U1': 'edge of the most prominent upper central incisor',
    'U1a': 'root apex of the most prominent upper central incisor',
    'L1': 'edge of the most prominent lower central incisor',
    'L1a': 'root apex of the most prominent lower central incisor',
    'U5': 'cusp tip of the upper second premolar',
    'L5': 'cusp tip of the lower second premolar',
    'U6': 'cusp tip of the upper first molar',
    'L6': 'cusp tip of the lower first molar',
    'U6m': 'mesial contact point of the upper first molar',
    'L6m': 'mesial contact point of the lower first molar',
    # Soft tissue.
    'G': 'front-most point of the forehead',
    "N'": 'deepest point of the soft-tissue root of the nose',
    'Prn': 'tip of the nose',
    'Cm': 'front-most point of the columella of the nose',
    'Sn': 'where the nose meets the upper lip',
    'UL': 'most prominent point of the upper lip',
    'LL': 'most prominent point of the lower lip',
    "UL'": 'border of the upper lip between skin and vermilion',
    "LL'": 'border of the lower lip between skin and vermilion',
    "Pog'": 'front-most point of the soft-tissue chin',
    "Gn'": 'most forward and downward point of the soft-tissue chin',
    "Me'": 'lowest point of the soft-tissue chin',
    'C': 'where the floor of the mouth meets the neck',
}

# fmt: off
_ISBI = (
    ('S', 'Sella'), ('N', 'Nasion'), ('Or', 'Orbitale'), ('Po', 'Porion'),
    ('A', 'Subspinale'), ('B', 'Supramentale'), ('Pog', 'Pogonion'),
    ('Me', 'Menton'), ('Gn', 'Gnathion'), ('Go', 'Gonion'),
    ('L1', 'Incision inferius'), ('U1', 'Incision superius'),
    ('UL', 'Upper lip'), ('LL', 'Lower lip'), ('Sn', 'Subnasale'),
    ("Pog'", 'Soft-tissue pogonion'), ('PNS', 'Posterior nasal spine'),
    ('ANS', 'Anterior nasal spine'), ('Ar', 'Articulare'),
)

#: Schema name -> its title, its source, and (code, name) of each landmark in
#: the order and with the names of the dataset's files.
LISTS = dict(
    # No Or, Po, Ar and bony Pog: without Frankfort plane, FMA and Wits.
    document19=(
        'Nineteen landmarks of the HRNetV2-W18 training document',
        'private table, a row per cephalogram, columns <name>_x and <name>_y',
        (
            ('S', 'sella'), ('N', 'nasion'), ('A', 'A_point'),
            ('B', 'B_point'), ('U1', 'upper_1_tip'), ('U1a', 'upper_1_apex'),
            ('L1', 'lower_1_tip'), ('L1a', 'lower_1_apex'), ('ANS', 'ANS'),
            ('PNS', 'PNS'), ('Go', 'Gonion'), ('Me', 'Menton'),
            ("N'", 'ST_Nasion'), ('Prn', 'Tip_of_the_nose'),
            ('Sn', 'Subnasal'), ('UL', 'Upper_lip'), ('LL', 'Lower_lip'),
            ("Pog'", 'ST_Pogonion'), ('Gn', 'gnathion'),
        ),
    ),
    isbi2015=(
        'ISBI 2014/2015 challenge, 19 landmarks',
        'Wang et al., Medical Image Analysis 31 (2016) 63-76',
        _ISBI,
    ),
    # The files only number the landmarks, 1 to 38: 1 to 19 are in the ISBI
    # order; the meaning of 20 to 38 is known from third parties only.
    cl_detection38=(
        'CL-Detection 2023 challenge, 38 landmarks',
        'MICCAI 2023 challenge; names of 20 to 38 from third parties',
        (
            *_ISBI,
            ('D', 'D point'), ('U1a', 'Upper incisor apex'),
            ('L1a', 'Lower incisor apex'), ('Cm', 'Columella'),
            ('Ptm', 'Pterygomaxillare'), ('Co', 'Condylion'),
            ('Prn', 'Pronasale'), ('Ba', 'Basion'), ('PT', 'PT point'),
            ('Bo', 'Bolton'), ("UL'", 'Upper lip border'),
            ("LL'", 'Lower lip border'), ("Gn'", 'Soft-tissue gnathion'),
            ("Me'", 'Soft-tissue menton'), ('G', 'Glabella'),
            ("N'", 'Soft-tissue nasion'), ('C', 'Cervical point'),
            ('U6m', 'Upper molar'), ('L6m', 'Lower molar'),
        ),
    ),
    # The names are the symbols of the annotation files, in their order.
    aariz29=(
        'Aariz (CEPHA29), 29 landmarks',
        'Khalid et al., arXiv 2302.07797',
        (
            ('A', 'A'), ('ANS', 'ANS'), ('B', 'B'), ('Me', 'Me'), ('N', 'N'),
            ('Or', 'Or'), ('Pog', 'Pog'), ('PNS', 'PNS'), ('Prn', 'Pn'),
            ('R', 'R'), ('S', 'S'), ('Ar', 'Ar'), ('Co', 'Co'), ('Gn', 'Gn'),
            ('Go', 'Go'), ('Po', 'Po'), ('L5', 'LPM'), ('L1', 'LIT'),
            ('L6', 'LMT'), ('U5', 'UPM'), ('U1a', 'UIA'), ('U1', 'UIT'),
            ('U6', 'UMT'), ('L1a', 'LIA'), ('LL', 'Li'), ('UL', 'Ls'),
            ("N'", 'N`'), ("Pog'", 'Pog`'), ('Sn', 'Sn'),
        ),
    ),
    # The file only numbers the landmarks, p1 to p53: none is measured.
    cl_detection53=(
        'CL-Detection 2024 challenge, 53 landmarks',
        'MICCAI 2024 challenge, columns p1x, p1y, ... of its table',
        tuple((f'p{number}', f'p{number}') for number in range(1, 54)),
    ),
    # The union of the document's and the ISBI landmarks.
    cephalogram23=(
        'Synthetic cephalograms, 23 landmarks',
        'cape_mm.datasets.synthetic',
        (
            ('S', 'sella'), ('N', 'nasion'), ('Or', 'orbitale'),
            ('Po', 'porion'), ('Ar', 'articulare'),
            ('ANS', 'anterior_nasal_spine'), ('PNS', 'posterior_nasal_spine'),
            ('A', 'subspinale'), ('B', 'supramentale'), ('Pog', 'pogonion'),
            ('Gn', 'gnathion'), ('Me', 'menton'), ('Go', 'gonion'),
            ('U1', 'upper_incisor_tip'), ('U1a', 'upper_incisor_apex'),
            ('L1', 'lower_incisor_tip'), ('L1a', 'lower_incisor_apex'),
            ("N'", 'soft_nasion'), ('Prn', 'nose_tip'), ('Sn', 'subnasale'),
            ('UL', 'upper_lip'), ('LL', 'lower_lip'),
            ("Pog'", 'soft_pogonion'),
        ),
    ),
)
# fmt: on


@dataclass(frozen=True)
class Landmark:
    """One named landmark of a lateral cephalogram.

    Attributes:
        code (str): Short name, the same in all schemas and the key of every
            measurement, such as ``'S'`` or ``"Pog'"``.
        name (str): Name in the dataset's files.
        definition (str): Anatomical definition; empty where unknown.
    """

    code: str
    name: str
    definition: str


@dataclass(frozen=True)
class LandmarkSchema:
    """The landmarks of a dataset, in the order of its keypoints.

    Attributes:
        name (str): Name of the schema, such as ``'isbi2015'``.
        landmarks (tuple[Landmark, ...]): K landmarks.
        title (str): Title for humans.
        source (str): Origin of the list.
    """

    name: str
    landmarks: tuple[Landmark, ...]
    title: str
    source: str

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def codes(self) -> tuple[str, ...]:
        """K codes, all different."""
        return tuple(landmark.code for landmark in self.landmarks)

    @property
    def names(self) -> tuple[str, ...]:
        """K names, all different."""
        return tuple(landmark.name for landmark in self.landmarks)

    def index_of(self, code: str) -> int:
        """Find a landmark.

        Args:
            code (str): Code of the landmark.

        Returns:
            int: Index of the landmark.

        Raises:
            KeyError: If the schema lacks it.
        """
        if code not in self.codes:
            raise KeyError(
                f'schema {self.name!r} has no landmark {code!r}; '
                f'it has {", ".join(self.codes)}'
            )
        return self.codes.index(code)

    def metainfo(self) -> dict:
        """Make the ``metainfo`` of a dataset.

        No landmark has a mirrored partner, and there is no skeleton. All
        sigmas are :data:`SIGMA`, all weights 1.

        Returns:
            dict: Argument of MMPose's ``parse_pose_metainfo``.
        """
        count = len(self)
        return dict(
            dataset_name=self.name,
            paper_info=dict(title=self.title, container=self.source),
            keypoint_info={
                index: dict(
                    id=index,
                    name=landmark.name,
                    color=_pick_color(index),
                    type='',
                    swap='',
                )
                for index, landmark in enumerate(self.landmarks)
            },
            skeleton_info={},
            joint_weights=[1.0] * count,
            sigmas=[SIGMA] * count,
        )


def get_schema(name: str) -> LandmarkSchema:
    """Get a schema by its name.

    Args:
        name (str): Name, one of :func:`available_schemas`.

    Returns:
        LandmarkSchema: The schema.

    Raises:
        KeyError: If there is none of that name.
    """
    if name not in LISTS:
        raise KeyError(
            f'no landmark schema {name!r}; there are '
            f'{", ".join(available_schemas())}'
        )
    title, source, landmarks = LISTS[name]
    return LandmarkSchema(
        name=name,
        landmarks=tuple(
            Landmark(code, label, DEFINITIONS.get(code, ''))
            for code, label in landmarks
        ),
        title=title,
        source=source,
    )


def available_schemas() -> tuple[str, ...]:
    """List the names of all schemas.

    Returns:
        tuple[str, ...]: The names.
    """
    return tuple(LISTS)


def _pick_color(index: int) -> list[int]:
    """A colour around the circle, neighbours well apart."""
    hue = (index * 0.382) % 1.0
    value = 1.0 if index % 2 else 0.8
    rgb = colorsys.hsv_to_rgb(hue, 0.9, value)
    return [round(255 * channel) for channel in rgb]
