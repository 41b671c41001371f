# Copyright (c) cape_mm contributors. All rights reserved.
"""What every reader of PoseTrack files returns: videos, frames, persons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

#: Values of the third column of ``AnnotatedPerson.keypoints``.
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2


@dataclass(frozen=True)
class AnnotatedPerson:
    """One person in one frame, as the file has it.

    Attributes:
        record (str): Where it is in the file, for messages.
        keypoints (np.ndarray): (K, 3) float32: x, y in original pixels, and
            0 unlabelled, 1 labelled but hidden, 2 visible.
        track_id (int, optional): Identity, unique in its video only; None
            where not given.
        bbox (np.ndarray, optional): (4,) float32 x1, y1, x2, y2 in original
            pixels.
        head_box (np.ndarray, optional): (4,) float32, the same of the head.
        area (float, optional): In original pixels squared.
        is_crowd (bool): Whether it stands for several persons.
    """

    record: str
    keypoints: np.ndarray
    track_id: int | None = None
    bbox: np.ndarray | None = None
    head_box: np.ndarray | None = None
    area: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame, as the file has it.

    Attributes:
        file_name (str): Image, relative to the folder of images.
        number (int): Frame number in the video, as in the file name; it
            counts from 0 or 1 and may have gaps.
        is_labeled (bool): Whether its persons are annotated. If so, there may
            be none all the same.
        image_id (int, optional): Id of the image in the file.
        size (Tuple[int, int], optional): Width and height in pixels.
        persons (List[AnnotatedPerson]): In the order of the file.
        ignore_regions (List[np.ndarray]): (P, 2) float32 polygons in original
            pixels, in which nothing is judged.
    """

    file_name: str
    number: int
    is_labeled: bool
    image_id: int | None = None
    size: tuple[int, int] | None = None
    persons: list[AnnotatedPerson] = field(default_factory=list)
    ignore_regions: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class AnnotatedVideo:
    """One video, as the file has it.

    Attributes:
        video_id (str): Unique in the dataset. The name of the video's
            annotation file, or that of its folder of images if the file
            holds several videos.
        frames (List[AnnotatedFrame]): In order of time.
    """

    video_id: str
    frames: list[AnnotatedFrame]


def frame_number(file_name: str, where: str) -> int:
    """Read the frame number off a file name.

    Args:
        file_name (str): E.g. ``'images/val/000342_mpii_test/000017.jpg'``.
        where (str): File and record, for the error.

    Returns:
        int: The first number in the name of the image.

    Raises:
        ValueError: If there is none.
    """
    match = re.search(r'\d+', PurePosixPath(file_name).stem)
    if match is None:
        raise ValueError(
            f'{where}: the order of frames is unknown, because the name of '
            f'the image {file_name!r} has no number; name images by their '
            'frame number, e.g. 000017.jpg'
        )
    return int(match.group())


def group_frames(
    frames: list[AnnotatedFrame], path: str, stem: str | None = None
) -> list[AnnotatedVideo]:
    """Make videos of the frames of one file.

    Frames whose images are in one folder are one video.

    Args:
        frames (List[AnnotatedFrame]): All frames of the file.
        path (str): The file, for errors.
        stem (str, optional): Name of the video if there is only one.

    Returns:
        List[AnnotatedVideo]: In the order of the file, frames by number.

    Raises:
        ValueError: If a frame is there twice.
    """
    folders: dict[PurePosixPath, list[AnnotatedFrame]] = {}
    for frame in frames:
        folder = PurePosixPath(frame.file_name).parent
        folders.setdefault(folder, []).append(frame)
    short = {folder.name for folder in folders}
    videos = []
    for folder, members in folders.items():
        name = folder.name
        if len(short) < len(folders):
            # folders of equal names need their parents to be told apart
            name = '_'.join(folder.parts)
        if stem is not None and len(folders) == 1:
            name = stem
        members = sorted(members, key=lambda frame: frame.number)
        for one, other in zip(members, members[1:]):
            if one.number == other.number:
                raise ValueError(
                    f'{path}: {one.file_name} and {other.file_name} are both '
                    f'frame {one.number} of video {name}; remove one of them'
                )
        videos.append(AnnotatedVideo(name, members))
    return videos
