# Copyright (c) cape_mm contributors. All rights reserved.
"""Videos of stick figures, written as a PoseTrack18 dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK18_KEYPOINTS,
)

from ..folder_once import write_dataset_once
from ..scenery import flat_keypoints, write_jpeg
from .scene import RenderedFrame, VisiblePerson, draw_scene, render_frame

#: Raised whenever the same parameters give other images or annotations.
VERSION = 1
_SPLITS = ('train', 'val')
# As in PoseTrack18, pairs count from 1.
_SKELETON = (
    *((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13)),
    *((6, 7), (6, 8), (7, 9), (8, 10), (9, 11), (2, 3), (1, 2), (1, 3)),
)
_CATEGORY = dict(
    id=1,
    name='person',
    supercategory='person',
    keypoints=POSETRACK18_KEYPOINTS,
    skeleton=_SKELETON,
)
# PoseTrack18's boxes are larger than the keypoints' extent by this, each side.
_BOX_MARGIN = 0.15


def draw_video(
    seed: int,
    number: int,
    split: str = 'train',
    num_frames: int = 12,
    image_size: int = 128,
) -> list[RenderedFrame]:
    """Draw one video.

    It depends on nothing but the arguments.

    Args:
        seed (int): Seed, not negative.
        number (int): Number of the video in its split, from 0.
        split (str): ``'train'`` or ``'val'``. Defaults to ``'train'``.
        num_frames (int): Number of frames. Defaults to 12.
        image_size (int): Side of the images in pixels. Defaults to 128.

    Returns:
        list[RenderedFrame]: The frames.
    """
    # Zeros at the end of a seed are without effect: numbers count from 1.
    rng = np.random.default_rng([seed, _SPLITS.index(split), number + 1])
    scene = draw_scene(rng, num_frames, image_size)
    return [
        render_frame(scene, moment, image_size, rng)
        for moment in range(num_frames)
    ]


def write_stick_figures(
    root: str | Path,
    seed: int = 0,
    train: tuple[int, int] = (400, 12),
    val: tuple[int, int] = (16, 24),
    image_size: int = 128,
) -> bool:
    """Write the dataset, unless it is there already.

    There will be ``images/<split>/<video>/<frame>.jpg``, one annotation file
    per video as in PoseTrack18, ``annotations/<split>/<video>.json``, and
    ``stick_figures.json``, which holds the parameters. A video depends only on
    the seed, its split, its number, its length and the size of the images.

    It is safe to be called by several processes at once, and to be killed.

    Args:
        root (str | Path): Target folder; missing or empty, or a former
            result with the same parameters.
        seed (int): Seed, not negative. Defaults to 0.
        train (tuple[int, int]): Number of videos and of frames of each for
            training. Defaults to (400, 12).
        val (tuple[int, int]): The same for validation. Defaults to (16, 24).
        image_size (int): Side of the images in pixels. Defaults to 128.

    Returns:
        bool: False if it was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If a number is out of range.
    """
    sizes = dict(train=train, val=val)

    def write(folder: Path) -> None:
        for split, (num_videos, num_frames) in sizes.items():
            for number in range(num_videos):
                video = (seed, number, split, num_frames, image_size)
                _write_video(folder, split, number, draw_video(*video))

    return write_dataset_once(
        *(root, write, 'stick_figures', VERSION, seed, sizes),
        minimum=48,
        image_size=image_size,
    )


def _write_video(
    root: Path, split: str, number: int, frames: list[RenderedFrame]
) -> None:
    """Write the images and the annotation file of one video."""
    video = f'{number:06d}_stick_{split}'
    folder = f'images/{split}/{video}'
    images, annotations = [], []
    for moment, frame in enumerate(frames):
        # As in PoseTrack18: 1, the video in 6 digits, the frame in 4.
        image_id = 10**10 + number * 10**4 + moment
        file_name = f'{folder}/{moment:06d}.jpg'
        write_jpeg(root / file_name, frame.image)
        height, width = frame.image.shape[:2]
        regions = [np.round(region, 1) for region in frame.ignore_regions]
        image = dict(
            id=image_id,
            frame_id=image_id,
            vid_id=f'{number:06d}',
            file_name=file_name,
            nframes=len(frames),
            is_labeled=True,
            has_no_densepose=True,
            width=width,
            height=height,
            ignore_regions_x=[r[:, 0].tolist() for r in regions],
            ignore_regions_y=[r[:, 1].tolist() for r in regions],
        )
        images.append(image)
        for person in frame.persons:
            annotations.append(_annotate(person, image_id, (width, height)))
    content = dict(
        images=images, annotations=annotations, categories=[_CATEGORY]
    )
    path = root / 'annotations' / split / f'{video}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _annotate(
    person: VisiblePerson, image_id: int, size: tuple[int, int]
) -> dict:
    """Entry of ``annotations``, as in PoseTrack18."""
    # Ears are never labelled.
    points = np.where(person.visible[:, None], person.keypoints_px, 0.0)
    keypoints = flat_keypoints(
        np.insert(points, (3, 3), 0.0, axis=0),
        np.insert(person.visible, (3, 3), False),
    )
    visible = person.keypoints_px[person.visible]
    low, high = visible.min(axis=0), visible.max(axis=0)
    margin = _BOX_MARGIN * (high - low)
    box = np.array([low - margin, high + margin]).clip(0, np.array(size) - 1)
    return dict(
        id=image_id * 100 + person.number,
        image_id=image_id,
        category_id=1,
        track_id=person.number,
        bbox=_xywh(box.ravel()),
        bbox_head=_xywh(person.head_box),
        keypoints=keypoints,
        num_keypoints=int(person.visible.sum()),
        iscrowd=0,
        scores=[],
    )


def _xywh(box: np.ndarray) -> list[float]:
    """Box x, y, width, height of corners x1, y1, x2, y2."""
    x1, y1, x2, y2 = box.tolist()
    return [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
