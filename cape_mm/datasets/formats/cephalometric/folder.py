# Copyright (c) cape_mm contributors. All rights reserved.
"""Writer of a folder of cephalograms: their images and annotation files."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Sequence

import cv2
import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_paths import (
    check_image_names,
    link_or_copy,
)
from cape_mm.errors import DataError, UsageError
from cape_mm.structures import LandmarkSchema

from ..image_check import (
    MAX_MEGAPIXELS,
    check_image,
    check_pixels,
    read_image,
)
from .coco_file import write_coco
from .reading import CephalometricRecord
from .splits import check_disjoint

#: Heights in mm that a lateral cephalogram can have.
_HEIGHTS_MM = (100.0, 500.0)
#: Largest ratio to the height of the median cephalogram of a dataset.
_MAX_RATIO = 1.6

#: Indices of the cephalograms of each part, from cephalograms and hashes of
#: their images.
Splitter = Callable[
    [Sequence[CephalometricRecord], Sequence[str]], Dict[str, List[int]]
]


def write_cephalogram_folder(
    records: Iterable[CephalometricRecord],
    schema: LandmarkSchema,
    name: str,
    store: ImageStore,
    split: Splitter,
    skip_missing: bool = False,
    info: dict[str, Any] | None = None,
) -> list[str]:
    """Write ``images/`` and ``annotations/<name>_<part>.json``; summaries."""
    annotations = store.image_root.parent / 'annotations'
    report = store.report
    there = sorted(annotations.glob(f'{name}_*.json'))
    if there:
        raise FileExistsError(
            f'{there[0]} is there already: move it away, or choose another '
            '--name or --out-dir'
        )
    cephalograms: list[CephalometricRecord] = []
    digests: list[str] = []
    heights: list[float] = []
    # One by one: a dataset may be larger than the memory.
    for record in records:
        try:
            cephalogram, digest, size = store.add(record)
        except FileNotFoundError as error:
            if not skip_missing:
                raise
            report.add('no_image', str(error))
            continue
        cephalograms.append(cephalogram)
        digests.append(digest)
        spacing = cephalogram.spacing
        heights.append(size[1] * spacing[1] if spacing else np.nan)
    if not cephalograms:
        raise DataError(
            f'{report.ann_file} has no cephalogram with landmarks and an '
            f'image. {report if report else ""}'
        )
    _check_heights(cephalograms, np.array(heights), report)
    parts = split(cephalograms, digests)
    check_disjoint(cephalograms, digests, parts, report)
    summaries = []
    for part, indices in parts.items():
        path = annotations / f'{name}_{part}.json'
        chosen = [cephalograms[index] for index in indices]
        details = dict(info or {}, part=part)
        write_coco(chosen, schema, path, store.image_root, details, report)
        subjects = len({record.subject for record in chosen} - {''})
        persons = f' of {subjects} persons' if subjects else ''
        landmarks = sum(int((record.visible > 0).sum()) for record in chosen)
        scaled = sum(record.spacing is not None for record in chosen)
        summaries.append(
            f'{path}: {len(chosen)} cephalograms{persons}, {landmarks} '
            f'landmarks, {scaled} cephalograms with spacing'
        )
    return summaries


def _check_heights(
    records: Sequence[CephalometricRecord],
    heights_mm: np.ndarray,
    report: AnnotationReport,
) -> None:
    """Report heights (N,) that no head has, or unlike all others."""
    known = heights_mm[np.isfinite(heights_mm)]
    if not known.size:
        return
    median = np.median(known)
    ratios = np.maximum(heights_mm / median, median / heights_mm)
    low, high = _HEIGHTS_MM
    is_odd = (heights_mm < low) | (heights_mm > high) | (ratios > _MAX_RATIO)
    for index in np.flatnonzero(is_odd):
        report.add(
            'unlikely_size',
            f'{records[index].image_path}: {heights_mm[index]:.0f} mm high, '
            f'the median of all cephalograms is {median:.0f} mm',
        )


@dataclass
class ImageStore:
    """Brings the images of cephalograms into one folder; never overwrites."""

    source_root: Path
    image_root: Path
    report: AnnotationReport
    link: bool = False  # instead of copies
    max_side: int | None = None  # pixels; larger images are made smaller
    max_megapixels: float = MAX_MEGAPIXELS  # larger ones are refused
    allow_outside: bool = False  # links that lead out of source_root
    quick: bool = False  # read only the heads of images

    def __post_init__(self) -> None:
        if self.max_side is not None and self.max_side < 1:
            raise UsageError(
                f'--max-side is {self.max_side}, must be at least 1'
            )

    def add(
        self, record: CephalometricRecord
    ) -> tuple[CephalometricRecord, str, tuple[int, int]]:
        """Bring one image; the record without it, hash of its file, (W, H)."""
        source = self.source_root / record.image_path
        if record.image is None:
            check_image_names(
                [record.image_path],
                self.source_root,
                self.report.ann_file,
                self.allow_outside,
                'give --allow-outside',
            )
        if record.image is not None:
            height, width = record.image.shape[:2]
            check_pixels(width, height, str(source), self.max_megapixels)
        elif source.is_file():
            notes: list[str] = []
            width, height = check_image(
                source, not self.quick, self.max_megapixels, notes
            )
            for note in notes:
                self.report.add('image', f'{record.image_path}: {note}')
        else:
            raise FileNotFoundError(
                f'there is no image {source}: put it there, correct its '
                'name, or leave such cephalograms out with --skip-missing'
            )
        if self.max_side is not None and max(width, height) > self.max_side:
            record = self._shrink(record, source)
            height, width = record.image.shape[:2]
        # whatever may be read from elsewhere, nothing is written there
        check_image_names(
            [record.image_path], self.image_root, self.report.ann_file
        )
        target = self.image_root / record.image_path
        target.parent.mkdir(parents=True, exist_ok=True)
        if record.image is None:
            data, digest = None, _digest(source)
        else:
            data = cv2.imencode('.png', record.image)[1].tobytes()
            digest = hashlib.sha256(data).hexdigest()
        if target.exists():
            if _digest(target) != digest:
                raise FileExistsError(
                    f'{target} is another image: move it away, or choose '
                    'another --out-dir'
                )
        elif data is not None:
            target.write_bytes(data)
        elif self.link:
            link_or_copy(source, target)
        else:
            shutil.copyfile(source, target)
        return replace(record, image=None), digest, (width, height)

    def _shrink(
        self, record: CephalometricRecord, source: Path
    ) -> CephalometricRecord:
        """The cephalogram with a smaller grey image."""
        image = record.image
        if image is None:
            image = read_image(source, self.max_megapixels)
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        old = np.array(image.shape[1::-1], np.float64)
        new = np.maximum(np.rint(old * self.max_side / old.max()), 1)
        scale = new / old
        image = cv2.resize(
            image, tuple(map(int, new)), interpolation=cv2.INTER_AREA
        )
        self.report.add(
            'shrunk',
            f'{record.image_path}: {old[0]:g} x {old[1]:g} to '
            f'{new[0]:g} x {new[1]:g}',
        )
        spacing = record.spacing
        if spacing is not None:
            spacing = tuple((np.asarray(spacing) / scale).tolist())
        return replace(
            record,
            # The centre of a pixel has whole coordinates.
            keypoints_px=(record.keypoints_px + 0.5) * scale - 0.5,
            spacing=spacing,
            image=image,
            image_path=Path(record.image_path).with_suffix('.png').as_posix(),
        )


def _digest(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
