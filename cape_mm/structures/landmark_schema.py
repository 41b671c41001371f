# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import colorsys
from dataclasses import dataclass

from .landmark_lists import DEFINITIONS, LISTS, SIGMA


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
