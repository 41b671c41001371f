# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import colorsys
from dataclasses import dataclass

from .landmark_schemas import DEFINITIONS, LISTS


@dataclass(frozen=True)
class Landmark:
    """One named point of a lateral X-ray of the head.

    Attributes:
        code (str): Short name, the same in all schemas and the key of every
            measurement, such as ``'S'`` or ``"Pog'"``.
        name (str): Name in the dataset's files.
        definition (str): What it is; empty where the dataset does not say.
    """

    code: str
    name: str
    definition: str


@dataclass(frozen=True)
class LandmarkSchema:
    """The landmarks of a dataset, in the order of its keypoints.

    Attributes:
        name (str): Name of the schema, such as ``'isbi2015'``.
        landmarks (Tuple[Landmark, ...]): K landmarks.
        title (str): Title for humans.
        source (str): Where the list comes from.
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
            code (str): Its code.

        Returns:
            int: Its position, from 0.

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

        No landmark has a mirrored partner, and no bones are drawn. All
        sigmas are 0.035, all weights 1.

        Returns:
            dict: What MMPose's ``parse_pose_metainfo`` takes.
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
            sigmas=[0.035] * count,
        )


def get_schema(name: str) -> LandmarkSchema:
    """Get a schema by its name.

    Args:
        name (str): One of :func:`available_schemas`.

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
    source = LISTS[name]
    return LandmarkSchema(
        name=name,
        landmarks=tuple(
            Landmark(code, label, DEFINITIONS.get(code, ''))
            for code, label in source.LANDMARKS
        ),
        title=source.TITLE,
        source=source.SOURCE,
    )


def available_schemas() -> tuple[str, ...]:
    """List the names of all schemas.

    Returns:
        Tuple[str, ...]: The names.
    """
    return tuple(LISTS)


def _pick_color(index: int) -> list[int]:
    """A colour around the circle, neighbours well apart."""
    hue = (index * 0.382) % 1.0
    value = 1.0 if index % 2 else 0.8
    rgb = colorsys.hsv_to_rgb(hue, 0.9, value)
    return [round(255 * channel) for channel in rgb]
