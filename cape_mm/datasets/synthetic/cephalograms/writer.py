# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural lateral X-rays of the head, written as a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cape_mm.datasets.formats.cephalometric.coco_file import (
    CephalometricRecord,
    write_coco,
)

from ..folder_once import write_dataset_once
from .face import classify
from .renderer import SCHEMA, RenderedCephalogram, render_cephalogram

#: Raised whenever the same parameters give other images or annotations.
VERSION = 3
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
    head, finer or coarser, with other noise. Three of four have 0.75 mm per
    pixel (if they are 320 pixels high), the fourth has another spacing.

    Args:
        seed (int): Seed, not negative.
        number (int): Number of the cephalogram in its split, from 0.
        split (str): ``'train'``, ``'val'`` or ``'test'``. Defaults to
            ``'train'``.
        image_height (int): Height in pixels; the width is 4/5 of it.
            Defaults to 320.

    Returns:
        RenderedCephalogram: The cephalogram.
    """
    # Zeros at the end of a seed are without effect: numbers count from 1.
    rng = np.random.default_rng([seed, _SPLITS.index(split), number + 1])
    spacing = _SPACING
    if number % 4 == 3:
        spacing = _OTHER_SPACINGS[rng.integers(len(_OTHER_SPACINGS))]
    size = (int(round(0.8 * image_height)), image_height)
    return render_cephalogram(rng, size, spacing * _HEIGHT / image_height)


def make_record(
    seed: int, split: str, number: int, image_height: int
) -> CephalometricRecord:
    """Record with ISBI classes, exact ``measurements`` and the ``ruler``."""
    cephalogram = draw_cephalogram(seed, number, split, image_height)
    face, spacing = cephalogram.face, cephalogram.spacing
    name = f'{split}_{number:04d}'
    return CephalometricRecord(
        image_path=f'{name}.jpg',
        keypoints_px=cephalogram.keypoints_px,
        visible=cephalogram.visible,
        spacing=(spacing, spacing),
        spacing_source='file',
        device='synthetic-B' if number % 4 == 3 else 'synthetic-A',
        subject=f'synthetic-{seed}-{name}',
        class_labels=classify(face),
        image=cephalogram.image,
        extra=dict(measurements=face.measures, ruler=cephalogram.ruler),
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

    def write(folder: Path) -> None:
        for split, count in sizes.items():
            records = (
                make_record(seed, split, number, image_height)
                for number in range(count)
            )
            path = folder / 'annotations' / f'cephalograms_{split}.json'
            write_coco(records, SCHEMA, path, folder / 'images', info)

    return write_dataset_once(
        *(root, write, 'cephalograms', VERSION, seed, sizes),
        minimum=64,
        image_height=image_height,
    )
