# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural lateral X-rays of the head, written as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import numpy as np

from ..cephalometric_files.coco_file import CephalometricRecord, write_coco
from .cephalogram_renderer import SCHEMA, RenderedFilm, render_film
from .cephalogram_types import classify_types
from .folder_once import write_folder_once

#: Raised whenever the same parameters give other pictures or annotations.
VERSION = 1
STAMP_NAME = 'cephalograms.json'
_SPLITS = ('train', 'val', 'test')
_HEIGHT = 320
_SPACING = 0.75
# Every fourth film comes from another device, which has one of these.
_OTHER_SPACINGS = (0.65, 0.85, 0.95)


def draw_film(
    seed: int, number: int, split: str = 'train', image_height: int = _HEIGHT
) -> RenderedFilm:
    """Draw one film.

    It depends on nothing but the arguments: another height shows the same
    head, finer or coarser, with other noise.

    Args:
        seed (int): Not negative.
        number (int): Of the film in its split, from 0.
        split (str): ``'train'``, ``'val'`` or ``'test'``. Defaults to
            ``'train'``.
        image_height (int): In pixels; the width is 4/5 of it. Defaults to
            320.

    Returns:
        RenderedFilm: The film. Of four films, three have 0.75 mm per pixel
        (if they are 320 pixels high), the fourth another spacing.
    """
    # Zeros at the end of a seed are without effect, so films count from 1.
    rng = np.random.default_rng([seed, _SPLITS.index(split), number + 1])
    spacing = _SPACING
    if number % 4 == 3:
        spacing = _OTHER_SPACINGS[rng.integers(len(_OTHER_SPACINGS))]
    size = (int(round(0.8 * image_height)), image_height)
    return render_film(rng, size, spacing * _HEIGHT / image_height)


def make_record(
    film: RenderedFilm, image_path: str, subject: str
) -> CephalometricRecord:
    """Describe a film for the annotation file.

    Args:
        film (RenderedFilm): The film.
        image_path (str): Its picture, relative to the folder of pictures.
        subject (str): Whose head it is.

    Returns:
        CephalometricRecord: With the eight types under ``class_labels``, the
        exact angles under ``measurements`` and the first and the last tick of
        the ruler, in pixels, with their distance in millimetres.
    """
    standard = _SPACING * _HEIGHT / film.picture.shape[0]
    is_standard = abs(film.spacing - standard) < 1e-9
    extra: dict[str, Any] = dict(
        measurements=film.face.measures,
        ruler=dict(ticks_px=film.ruler_px.tolist(), length_mm=film.ruler_mm),
    )
    return CephalometricRecord(
        image_path=image_path,
        keypoints_px=film.keypoints_px,
        visible=film.visible,
        spacing=(film.spacing, film.spacing),
        spacing_source='file',
        device='synthetic-A' if is_standard else 'synthetic-B',
        subject=subject,
        class_labels=classify_types(film.face),
        image=film.picture,
        extra=extra,
    )


def write_cephalograms(
    root: str | Path,
    seed: int = 0,
    train: int = 400,
    val: int = 60,
    test: int = 100,
    image_height: int = _HEIGHT,
) -> bool:
    """Write the data set, unless it is there already.

    There will be ``images/<split>_<number>.jpg``,
    ``annotations/cephalograms_{train,val,test}.json`` and
    ``cephalograms.json``, which holds the parameters. No head is on two
    films. It is safe to be called by several processes at once, and to be
    killed.

    Args:
        root (str | Path): Target folder; missing or empty, or a former
            result with the same parameters.
        seed (int): Not negative. Defaults to 0.
        train (int): Number of films. Defaults to 400.
        val (int): The same. Defaults to 60.
        test (int): The same. Defaults to 100.
        image_height (int): In pixels, from 64 on. Defaults to 320.

    Returns:
        bool: False if it was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If a number is out of range.
    """
    sizes = dict(zip(_SPLITS, (train, val, test)))
    if seed < 0 or min(sizes.values()) < 1 or image_height < 64:
        raise ValueError(
            'seed must be >= 0, numbers of films >= 1, image_height >= 64; '
            f'got seed {seed}, {sizes}, image_height {image_height}'
        )
    stamp = dict(
        data='cephalograms',
        version=VERSION,
        seed=int(seed),
        image_height=int(image_height),
        **{split: int(size) for split, size in sizes.items()},
    )

    def draw_split(split: str) -> Iterator[CephalometricRecord]:
        for number in range(sizes[split]):
            name = f'{split}_{number:04d}'
            film = draw_film(seed, number, split, image_height)
            yield make_record(film, f'{name}.jpg', f'synthetic-{seed}-{name}')

    def write(folder: Path) -> None:
        for split in _SPLITS:
            write_coco(
                draw_split(split),
                SCHEMA,
                folder / 'annotations' / f'cephalograms_{split}.json',
                folder / 'images',
                info=dict(description='drawn, not taken: for tests only'),
            )

    return write_folder_once(Path(root), STAMP_NAME, stamp, write)


def ensure_cephalograms(root: str | Path) -> bool:
    """Write the data set in the size that embedded configs use.

    Args:
        root (str | Path): Target folder.

    Returns:
        bool: False if it was there already.
    """
    return write_cephalograms(root)
