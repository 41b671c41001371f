# Copyright (c) cape_mm contributors. All rights reserved.
"""Synthetic cephalograms in the layouts of public datasets."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Iterator, Sequence

import cv2
import numpy as np

from cape_mm.structures import get_schema

from .face import classify
from .renderer import RenderedCephalogram
from .writer import draw_cephalogram

_ISBI_PARTS = (('TrainingData', 150), ('Test1Data', 300), ('Test2Data', 400))
_OBSERVERS = ('junior', 'senior')


def write_layout(
    layout: str, root: str | Path, seed: int, train: int, image_height: int
) -> bool:
    """Write ``train`` cephalograms as ``'isbi'`` or ``'aariz'``; True."""
    root = Path(root)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f'{root} is not empty: name another folder')
    write_tree = write_isbi_tree if layout == 'isbi' else write_aariz_tree
    draw = partial(draw_cephalogram, seed, image_height=image_height)
    write_tree(root, [draw(number) for number in range(train)])
    return True


def write_isbi_tree(
    root: str | Path,
    cephalograms: Sequence[RenderedCephalogram],
    numbers: Sequence[int] | None = None,
) -> None:
    """Write cephalograms as the ISBI 2015 challenge does.

    The part goes by the number of a cephalogram, 1 to 400, by default 1, 2,
    ... The layout knows neither spacing nor invisible landmarks.
    """
    root = Path(root)
    numbers = numbers or range(1, len(cephalograms) + 1)
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
    one if there are three. Landmarks are in no fixed order; the CVM stage only
    follows the number of the cephalogram.
    """
    root = Path(root)
    schema = get_schema('aariz29')
    total = len(cephalograms)
    part = max(1, round(0.15 * total)) if total > 2 else 0
    splits = ['train'] * (total - 2 * part)
    splits += ['valid'] * part + ['test'] * part
    rows = [
        ['cephalogram_id', 'machine', 'pixel_size', 'image_format', 'mode']
    ]
    for number, (split, cephalogram) in enumerate(zip(splits, cephalograms)):
        name = f'synthetic{number:04d}'
        folder = root / split / 'Annotations'
        _write(root / split / f'Cephalograms/{name}.png', cephalogram.image)
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
            entries = np.roll(entries, -number).tolist()
            marks = dict(ceph_id=name, landmarks=entries)
            group = f'Cephalometric Landmarks/{observer.title()} Orthodontists'
            _write(folder / group / f'{name}.json', json.dumps(marks))
        stage = dict(ceph_id=name, cvm_stage=dict(value=1 + number % 6))
        _write(folder / f'CVM Stages/{name}.json', json.dumps(stage))
        spacing = cephalogram.spacing
        rows.append([name, f'Synthetic {spacing:g}', spacing, 'png', split])
    path = root / 'cephalogram_machine_mappings.csv'
    with path.open('w', newline='') as file:
        csv.writer(file).writerows(rows)


def _observe(
    cephalogram: RenderedCephalogram, schema: str, number: int
) -> Iterator[tuple[str, list[list[int]]]]:
    """Two observers and their landmarks, whose mean is the truth, pixels."""
    codes = get_schema(schema).codes
    points = np.array([cephalogram.points_px[code] for code in codes])
    rng = np.random.default_rng([number, len(points)])
    step = rng.uniform(-2.0, 2.0, size=points.shape)
    for observer, marked in zip(_OBSERVERS, (points + step, points - step)):
        yield observer, np.round(marked).astype(np.int64).tolist()


def _write(path: Path, content: str | np.ndarray) -> None:
    """Write a text, or an image in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        path.write_bytes(cv2.imencode(path.suffix, content)[1].tobytes())
