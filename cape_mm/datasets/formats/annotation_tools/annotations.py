# Copyright (c) cape_mm contributors. All rights reserved.
"""What all readers and writers of annotation tools' files exchange."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import cv2
import numpy as np

from cape_mm.datasets.formats.image_paths import link_or_copy
from cape_mm.datasets.formats.mp100.annotation_file import Category


@dataclass
class AnnotatedInstance:
    """One labelled or predicted object.

    Attributes:
        category_id (int): Key of its category in :class:`Annotations`.
        keypoints (np.ndarray): Keypoints (K, 3), float64: x, y in original
            pixels of the image as displayed (EXIF orientation applied), and
            visibility v; 0 unlabelled, 1 hidden, 2 visible. x, y of an
            unlabelled one are 0.
        box (np.ndarray, optional): Box (4,), float64, x1, y1, x2, y2 in the
            same pixels; None if the file has none.
        score (float, optional): Score of a prediction.
        keypoint_scores (np.ndarray, optional): Scores (K,) of a prediction.
        track_id (int, optional): Identity over the frames of a video.
    """

    category_id: int
    keypoints: np.ndarray
    box: np.ndarray | None = None
    score: float | None = None
    keypoint_scores: np.ndarray | None = None
    track_id: int | None = None

    def box_on(self, size: tuple[int, int]) -> np.ndarray:
        """Box, or the one around the keypoints if the file has none.

        Args:
            size (tuple[int, int]): Width and height of the image.

        Returns:
            np.ndarray: Box (4,), float64, x1, y1, x2, y2.
        """
        if self.box is None:
            return extent_of(self.keypoints, size)
        return self.box


@dataclass
class AnnotatedImage:
    """One image and its instances.

    Attributes:
        name (str): File name with folders, ``/`` between them, as annotation
            files name it; unique.
        path (Path, optional): The file; the video of a frame.
        size (tuple[int, int], optional): Width and height in pixels as
            displayed; None until the file is opened.
        instances (list[AnnotatedInstance]): Its objects.
        read_pixels (Callable, optional): Reader of the image (H, W, 3),
            uint8, BGR, where it is no file of its own: a frame of a video.
        image_id (int, optional): Id in a COCO file.
    """

    name: str
    path: Path | None = None
    size: tuple[int, int] | None = None
    instances: list[AnnotatedInstance] = field(default_factory=list)
    read_pixels: Callable[[], np.ndarray] | None = None
    image_id: int | None = None


@dataclass
class Annotations:
    """Annotated images of one or several categories.

    Attributes:
        categories (dict[int, Category]): Categories by id; their skeletons
            are 0-based.
        images (list[AnnotatedImage]): Images, in the order of the file.
        source_ids (dict[int, int]): Ids of categories in the COCO file that
            they come from, if they do, by id.
    """

    categories: dict[int, Category] = field(default_factory=dict)
    images: list[AnnotatedImage] = field(default_factory=list)
    source_ids: dict[int, int] = field(default_factory=dict)

    @property
    def num_instances(self) -> int:
        """int: Number of instances on all images."""
        return sum(len(image.instances) for image in self.images)


def extent_of(
    keypoints: np.ndarray, size: tuple[int, int], rim: float = 0.1
) -> np.ndarray:
    """Box around the labelled keypoints.

    Args:
        keypoints (np.ndarray): Keypoints (K, 3): x, y in pixels, and v.
        size (tuple[int, int]): Width and height of the image.
        rim (float): Rim on each side, as share of the box's longer side.
            Defaults to 0.1.

    Returns:
        np.ndarray: Box (4,), float64, x1, y1, x2, y2 inside the image; the
        whole image if the keypoints have no extent.
    """
    points = keypoints[keypoints[:, 2] > 0, :2]
    whole = np.array([0, 0, *size], np.float64)
    if len(points) < 2:
        return whole
    low, high = points.min(0), points.max(0)
    margin = rim * (high - low).max()
    if not margin:
        return whole
    return np.clip(
        np.concatenate([low - margin, high + margin]), 0, np.tile(size, 2)
    ).astype(np.float64)


def write_image(image: AnnotatedImage, target: Path, link: bool) -> str:
    """Bring the file of an image to another place.

    Args:
        image (AnnotatedImage): The image. A frame of a video becomes a PNG.
        target (Path): File to write; its folder is made.
        link (bool): Whether to make a hard link instead of a copy, where the
            disk allows it.

    Returns:
        str: Hash of the content.

    Raises:
        FileExistsError: If there is another image already.
    """
    if image.read_pixels is None:
        data = image.path.read_bytes()
    else:
        data = cv2.imencode('.png', image.read_pixels())[1].tobytes()
    if os.path.lexists(target):  # also a link to nothing
        if not target.exists() or target.read_bytes() != data:
            raise FileExistsError(
                f'{target} is another image: move it away, or choose another '
                'folder'
            )
    elif link and image.read_pixels is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(image.path, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
