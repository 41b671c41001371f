# Copyright (c) cape_mm contributors. All rights reserved.
"""Drawn images in the layouts of public datasets, to try their readers."""

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

_ISBI_PARTS = (('TrainingData', 150), ('Test1Data', 300), ('Test2Data', 400))
_OBSERVERS = ('junior', 'senior')
_MAX_DISTANCE_PX = 2.0


def write_isbi_tree(
    root: str | Path,
    cephalograms: Sequence[RenderedCephalogram],
    numbers: Sequence[int] | None = None,
) -> None:
    """Write cephalograms as the ISBI 2015 challenge does.

    ``RawImage/{TrainingData,Test1Data,Test2Data}/<number>.bmp``, and for each
    of two observers ``400_{junior,senior}/<number>.txt``: 19 lines ``x,y`` in
    whole pixels, eight lines with a type each, an empty line. The observers
    differ by some pixels; their mean is the truth up to half a pixel. The
    layout knows neither spacing nor landmarks that cannot be seen.

    Args:
        root (str | Path): Target folder.
        cephalograms (Sequence[RenderedCephalogram]): The cephalograms.
        numbers (Sequence[int], optional): Number of each cephalogram, 1 to
            400; the part goes by it. Defaults to 1, 2, ...
    """
    root = Path(root)
    schema = get_schema('isbi2015')
    numbers = range(1, len(cephalograms) + 1) if numbers is None else numbers
    for number, cephalogram in zip(numbers, cephalograms):
        part = next(name for name, last in _ISBI_PARTS if number <= last)
        _write_image(
            root / 'RawImage' / part / f'{number:03d}.bmp', cephalogram.image
        )
        types = classify(cephalogram.face).values()
        points = np.array(
            [cephalogram.points_px[code] for code in schema.codes]
        )
        for observer, marked in _observe(points, number).items():
            lines = [f'{x},{y}' for x, y in marked.tolist()]
            lines += [str(kind) for kind in types]
            path = root / f'400_{observer}' / f'{number:03d}.txt'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('\n'.join(lines) + '\n\n')


def write_aariz_tree(
    root: str | Path, cephalograms: Sequence[RenderedCephalogram]
) -> None:
    """Write cephalograms as the Aariz dataset does.

    The last cephalograms become ``valid`` and ``test``, 15 % each, at least
    one if there are three. Images are
    ``<split>/Cephalograms/<id>.png``, landmarks
    ``<split>/Annotations/Cephalometric Landmarks/<observers>/<id>.json``, the
    spacings are in ``cephalogram_machine_mappings.csv``. The stage under
    ``CVM Stages`` only follows the number of the cephalogram. Observers as in
    :func:`write_isbi_tree`; the lists of landmarks have no fixed order.

    Args:
        root (str | Path): Target folder.
        cephalograms (Sequence[RenderedCephalogram]): The cephalograms.
    """
    root = Path(root)
    schema = get_schema('aariz29')
    part = (
        max(1, round(0.15 * len(cephalograms))) if len(cephalograms) > 2 else 0
    )
    rows = []
    for number, cephalogram in enumerate(cephalograms):
        split = 'train'
        if number >= len(cephalograms) - 2 * part:
            split = 'test' if number >= len(cephalograms) - part else 'valid'
        name = f'synthetic{number:04d}'
        folder = root / split
        _write_image(
            folder / 'Cephalograms' / f'{name}.png', cephalogram.image
        )
        points = np.array(
            [cephalogram.points_px[code] for code in schema.codes]
        )
        annotations = folder / 'Annotations'
        for observer, marked in _observe(points, number).items():
            entries = [
                dict(
                    landmark_id=f'{name}-{symbol}',
                    title=landmark.definition,
                    symbol=symbol,
                    value=dict(x=x, y=y),
                )
                for landmark, symbol, (x, y) in zip(
                    schema.landmarks, schema.names, marked.tolist()
                )
            ]
            turn = number % len(entries)
            _write_json(
                annotations
                / 'Cephalometric Landmarks'
                / f'{observer.title()} Orthodontists'
                / f'{name}.json',
                dict(ceph_id=name, landmarks=entries[turn:] + entries[:turn]),
            )
        _write_json(
            annotations / 'CVM Stages' / f'{name}.json',
            dict(ceph_id=name, cvm_stage=dict(value=1 + number % 6)),
        )
        rows.append(
            [name, _machine(cephalogram), cephalogram.spacing, 'png', split]
        )
    path = root / 'cephalogram_machine_mappings.csv'
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(
            ['cephalogram_id', 'machine', 'pixel_size', 'image_format', 'mode']
        )
        writer.writerows(rows)


def _machine(cephalogram: RenderedCephalogram) -> str:
    """One device for each spacing."""
    return f'Synthetic {cephalogram.spacing:g}'


def _observe(points: np.ndarray, number: int) -> dict[str, np.ndarray]:
    """Two observers' (K, 2) int64 whole pixels, around the truth."""
    rng = np.random.default_rng([number, len(points)])
    step = rng.uniform(-_MAX_DISTANCE_PX, _MAX_DISTANCE_PX, size=points.shape)
    marked: list[np.ndarray] = [points + step, points - step]
    return {
        observer: np.round(places).astype(np.int64)
        for observer, places in zip(_OBSERVERS, marked)
    }


def _write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, encoded = cv2.imencode(path.suffix, image)
    path.write_bytes(encoded.tobytes())


def _write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
