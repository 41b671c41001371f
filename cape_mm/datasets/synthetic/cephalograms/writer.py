# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural lateral X-rays of the head, written as a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import numpy as np

from cape_mm.datasets.formats.cephalometric.coco_file import (
    CephalometricRecord,
    write_coco,
)

from ..folder_once import write_dataset_once
from .face import classify
from .renderer import SCHEMA, RenderedCephalogram, render_cephalogram

#: Raised whenever the same parameters give other images or annotations.
VERSION = 2
_SPLITS = ('train', 'val', 'test')
_HEIGHT = 320
_SPACING = 0.75
# Every fourth cephalogram comes from another device, which has one of these.
_OTHER_SPACINGS = (0.65, 0.85, 0.95)


def draw_cephalogram(
    seed: int, number: int, split: str = 'train', image_height: int = _HEIGHT
) -> RenderedCephalogram:
    """Draw one cephalogram.

    It depends on nothing but the arguments: another height gives the same
    head, finer or coarser, with other noise.

    Args:
        seed (int): Seed, not negative.
        number (int): Number of the cephalogram in its split, from 0.
        split (str): ``'train'``, ``'val'`` or ``'test'``. Defaults to
            ``'train'``.
        image_height (int): Height in pixels; the width is 4/5 of it.
            Defaults to 320.

    Returns:
        RenderedCephalogram: The cephalogram. Of four cephalograms, three have
        0.75 mm per pixel (if they are 320 pixels high), the fourth another
        spacing.
    """
    # Zeros at the end of a seed are without effect: numbers count from 1.
    rng = np.random.default_rng([seed, _SPLITS.index(split), number + 1])
    spacing = _SPACING
    if number % 4 == 3:
        spacing = _OTHER_SPACINGS[rng.integers(len(_OTHER_SPACINGS))]
    size = (int(round(0.8 * image_height)), image_height)
    return render_cephalogram(rng, size, spacing * _HEIGHT / image_height)


def make_record(
    cephalogram: RenderedCephalogram, image_path: str, subject: str
) -> CephalometricRecord:
    """Record with ISBI classes, exact ``measurements`` and the ``ruler``."""
    standard = _SPACING * _HEIGHT / cephalogram.image.shape[0]
    is_standard = abs(cephalogram.spacing - standard) < 1e-9
    ticks = cephalogram.ruler_px.tolist()
    ruler = dict(ticks_px=ticks, length_mm=cephalogram.ruler_mm)
    return CephalometricRecord(
        image_path=image_path,
        keypoints_px=cephalogram.keypoints_px,
        visible=cephalogram.visible,
        spacing=(cephalogram.spacing, cephalogram.spacing),
        spacing_source='file',
        device='synthetic-A' if is_standard else 'synthetic-B',
        subject=subject,
        class_labels=classify(cephalogram.face),
        image=cephalogram.image,
        extra=dict(measurements=cephalogram.face.measures, ruler=ruler),
    )


def write_cephalograms(
    root: str | Path,
    seed: int = 0,
    train: int = 400,
    val: int = 60,
    test: int = 100,
    image_height: int = _HEIGHT,
) -> bool:
    """Write the dataset, unless it is there already.

    There will be ``images/<split>_<number>.jpg``,
    ``annotations/cephalograms_{train,val,test}.json`` and
    ``cephalograms.json``, which holds the parameters. No head is on two
    cephalograms. It is safe to be called by several processes at once, and to
    be killed.

    Args:
        root (str | Path): Target folder; missing or empty, or a former
            result with the same parameters.
        seed (int): Seed, not negative. Defaults to 0.
        train (int): Number of cephalograms for training. Defaults to 400.
        val (int): Number for validation. Defaults to 60.
        test (int): Number for testing. Defaults to 100.
        image_height (int): Height in pixels, from 64 on. Defaults to 320.

    Returns:
        bool: False if it was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If a number is out of range.
    """
    sizes = dict(train=train, val=val, test=test)

    info = dict(description='synthetic cephalograms, for tests only')

    def draw_split(split: str) -> Iterator[CephalometricRecord]:
        for number in range(sizes[split]):
            name = f'{split}_{number:04d}'
            image = draw_cephalogram(seed, number, split, image_height)
            yield make_record(image, f'{name}.jpg', f'synthetic-{seed}-{name}')

    def write(folder: Path) -> None:
        for split in _SPLITS:
            path = folder / 'annotations' / f'cephalograms_{split}.json'
            records = draw_split(split)
            write_coco(records, SCHEMA, path, folder / 'images', info)

    return write_dataset_once(
        *(root, write, 'cephalograms', VERSION, seed, sizes),
        minimum=64,
        image_height=image_height,
    )
