# Copyright (c) cape_mm contributors. All rights reserved.
"""Synthetic cephalograms in the layouts of public datasets."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from cape_mm.structures import get_schema

from .face import classify
from .renderer import RenderedCephalogram
from .writer import draw_cephalogram

_ISBI_PARTS = (('TrainingData', 150), ('Test1Data', 300), ('Test2Data', 400))
_OBSERVERS = ('junior', 'senior')
_MAX_DISTANCE_PX = 2.0


def write_layout(
    layout: str, root: str | Path, seed: int, train: int, image_height: int
) -> bool:
    """Write cephalograms for training in the layout of a public dataset.

    Args:
        layout (str): ``'isbi'`` or ``'aariz'``.
        root (str | Path): Target folder, missing or empty.
        seed (int): Seed, not negative.
        train (int): Number of cephalograms.
        image_height (int): Height in pixels.

    Returns:
        bool: True, as they are written anew.

    Raises:
        FileExistsError: If the folder is not empty.
    """
    root = Path(root)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f'{root} is not empty: name another folder')
    cephalograms = [
        draw_cephalogram(seed, number, image_height=image_height)
        for number in range(train)
    ]
    write_tree = write_isbi_tree if layout == 'isbi' else write_aariz_tree
    write_tree(root, cephalograms)
    return True


def write_isbi_tree(
    root: str | Path,
    cephalograms: Sequence[RenderedCephalogram],
    numbers: Sequence[int] | None = None,
) -> None:
    """Write cephalograms as the ISBI 2015 challenge does.

    ``RawImage/{TrainingData,Test1Data,Test2Data}/<number>.bmp``, and for each
    of two observers ``400_{junior,senior}/<number>.txt``: 19 lines ``x,y`` in
    whole pixels, eight lines with a class each, an empty line. The observers
    differ by some pixels; their mean is the truth up to half a pixel. The
    layout knows neither spacing nor invisible landmarks.

    Args:
        root (str | Path): Target folder.
        cephalograms (Sequence[RenderedCephalogram]): The cephalograms.
        numbers (Sequence[int], optional): Number of each cephalogram, 1 to
            400; the part goes by it. Defaults to 1, 2, ...
    """
    root = Path(root)
    numbers = range(1, len(cephalograms) + 1) if numbers is None else numbers
    for number, cephalogram in zip(numbers, cephalograms):
        part = next(name for name, last in _ISBI_PARTS if number <= last)
        path = root / 'RawImage' / part / f'{number:03d}.bmp'
        _write(path, cephalogram.image)
        classes = [str(kind) for kind in classify(cephalogram.face).values()]
        for observer, marked in _observe(cephalogram, 'isbi2015', number):
            lines = [f'{x},{y}' for x, y in marked] + classes
            path = root / f'400_{observer}' / f'{number:03d}.txt'
            _write(path, '\n'.join(lines) + '\n\n')


def write_aariz_tree(
    root: str | Path, cephalograms: Sequence[RenderedCephalogram]
) -> None:
    """Write cephalograms as the Aariz dataset does.

    The last cephalograms become ``valid`` and ``test``, 15 % each, at least
    one if there are three. Images are ``<split>/Cephalograms/<id>.png``,
    landmarks ``<split>/Annotations/Cephalometric Landmarks/<observers>/
    <id>.json``, spacings are in ``cephalogram_machine_mappings.csv``. The
    stage under ``CVM Stages`` only follows the number of the cephalogram.
    Observers as in :func:`write_isbi_tree`; the lists of landmarks have no
    fixed order.

    Args:
        root (str | Path): Target folder.
        cephalograms (Sequence[RenderedCephalogram]): The cephalograms.
    """
    root = Path(root)
    schema = get_schema('aariz29')
    total = len(cephalograms)
    part = max(1, round(0.15 * total)) if total > 2 else 0
    rows = [
        ['cephalogram_id', 'machine', 'pixel_size', 'image_format', 'mode']
    ]
    for number, cephalogram in enumerate(cephalograms):
        split = 'train'
        if number >= total - 2 * part:
            split = 'test' if number >= total - part else 'valid'
        name = f'synthetic{number:04d}'
        image_path = root / split / 'Cephalograms' / f'{name}.png'
        _write(image_path, cephalogram.image)
        folder = root / split / 'Annotations'
        for observer, marked in _observe(cephalogram, schema.name, number):
            entries = [
                dict(
                    landmark_id=f'{name}-{symbol}',
                    title=landmark.definition,
                    symbol=symbol,
                    value=dict(x=x, y=y),
                )
                for landmark, symbol, (x, y) in zip(
                    schema.landmarks, schema.names, marked
                )
            ]
            turn = number % len(entries)
            marks = dict(
                ceph_id=name, landmarks=entries[turn:] + entries[:turn]
            )
            group = f'Cephalometric Landmarks/{observer.title()} Orthodontists'
            _write(folder / group / f'{name}.json', json.dumps(marks))
        stage = dict(ceph_id=name, cvm_stage=dict(value=1 + number % 6))
        _write(folder / 'CVM Stages' / f'{name}.json', json.dumps(stage))
        spacing = cephalogram.spacing
        machine = f'Synthetic {spacing:g}'
        rows.append([name, machine, spacing, 'png', split])
    path = root / 'cephalogram_machine_mappings.csv'
    with path.open('w', newline='') as file:
        csv.writer(file).writerows(rows)


def _observe(
    cephalogram: RenderedCephalogram, schema: str, number: int
) -> list[tuple[str, list[list[int]]]]:
    """Two observers and their landmarks, whole pixels around the truth."""
    codes = get_schema(schema).codes
    points = np.array([cephalogram.points_px[code] for code in codes])
    rng = np.random.default_rng([number, len(points)])
    step = rng.uniform(-_MAX_DISTANCE_PX, _MAX_DISTANCE_PX, size=points.shape)
    return [
        (observer, np.round(marked).astype(np.int64).tolist())
        for observer, marked in zip(_OBSERVERS, (points + step, points - step))
    ]


def _write(path: Path, content: str | np.ndarray) -> None:
    """Write a text, or an image in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        path.write_bytes(cv2.imencode(path.suffix, content)[1].tobytes())
