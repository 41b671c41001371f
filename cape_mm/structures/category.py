# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One category of objects and the meaning of its keypoints.

    Categories are told apart by ``id`` only: MP-100 has two called ``face``.

    Attributes:
        id (int): Category id of the annotation file.
        name (str): Name for humans, not unique.
        supercategory (str): Group of categories, empty where not given.
        keypoint_names (Tuple[str, ...]): K names, not always distinct.
        skeleton (Tuple[Tuple[int, int], ...]): 0-based index pairs.
        num_keypoints (int): K, the same for all instances.
    """

    id: int
    name: str
    supercategory: str
    keypoint_names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    num_keypoints: int

    def __str__(self) -> str:
        return f'{self.id} {self.name!r}'
