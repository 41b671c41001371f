# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Sequence,
)

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import LandmarkSchema

from .cephalogram_split import (
    check_disjoint,
    given_split,
    split_as_baseline,
    split_at_random,
)
from .coco_file import CephalometricRecord, write_coco
from .image_store import ImageStore

#: Heights in mm that a lateral X-ray of a head can have.
_HEIGHTS_MM = (100.0, 500.0)
#: How much higher or lower than the median cephalogram of a dataset.
_MAX_RATIO = 1.6

#: Positions of the cephalograms of each part, from cephalograms and hashes of
#: images.
Splitter = Callable[
    [Sequence[CephalometricRecord], Sequence[str]], Dict[str, List[int]]
]


class PartSummary(NamedTuple):
    """What was written for one part of a dataset.

    Attributes:
        path (Path): The annotation file.
        cephalograms (int): Number of cephalograms.
        subjects (int): Number of known persons.
        landmarks (int): Number of labelled landmarks.
        scaled (int): Number of cephalograms with known spacing.
    """

    path: Path
    cephalograms: int
    subjects: int
    landmarks: int
    scaled: int

    def __str__(self) -> str:
        persons = f' of {self.subjects} persons' if self.subjects else ''
        return (
            f'{self.path}: {self.cephalograms} cephalograms{persons}, '
            f'{self.landmarks} '
            f'landmarks, {self.scaled} cephalograms with spacing'
        )


def write_cephalogram_folder(
    records: Iterable[CephalometricRecord],
    schema: LandmarkSchema,
    out_dir: Path,
    name: str,
    store: ImageStore,
    report: AnnotationReport,
    split: Splitter,
    skip_missing: bool = False,
    info: dict[str, Any] | None = None,
) -> list[PartSummary]:
    """Write images as ``images/`` and ``annotations/<name>_<part>.json``.

    Cephalograms are read and their images written one by one, so that a
    dataset may be larger than the memory.

    Args:
        records (Iterable[CephalometricRecord]): From one of the readers.
        schema (LandmarkSchema): Their landmarks.
        out_dir (Path): Folder to write to.
        name (str): Begin of the names of the annotation files.
        store (ImageStore): Brings images to ``out_dir / 'images'``.
        report (AnnotationReport): Collects what is unusual.
        split (Splitter): Makes the parts; see :func:`make_splitter`.
        skip_missing (bool): Leave out cephalograms without image instead of
            stopping. Defaults to False.
        info (Dict[str, Any], optional): Further entries of ``info``.

    Returns:
        List[PartSummary]: One per part.

    Raises:
        FileExistsError: If there are annotation files of this name.
        FileNotFoundError: If an image is missing.
        ValueError: If something is wrong with a cephalogram or the split.
    """
    annotations = out_dir / 'annotations'
    there = sorted(annotations.glob(f'{name}_*.json'))
    if there:
        raise FileExistsError(
            f'{there[0]} is there already: move it away, or choose another '
            '--name or --out-dir'
        )
    cephalograms: list[CephalometricRecord] = []
    digests: list[str] = []
    heights: list[float] = []
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
        heights.append(
            size[1] * cephalogram.spacing[1] if cephalogram.spacing else np.nan
        )
    if not cephalograms:
        raise ValueError(
            f'{report.ann_file} has no image with landmarks and an image. '
            f'{report if report else ""}'
        )
    _check_heights(cephalograms, np.array(heights), report)
    parts = split(cephalograms, digests)
    check_disjoint(cephalograms, digests, parts, report)
    summaries = []
    for part, indices in parts.items():
        path = annotations / f'{name}_{part}.json'
        chosen = [cephalograms[index] for index in indices]
        outside = write_coco(
            chosen, schema, path, store.image_root, dict(info or {}, part=part)
        )
        for line in outside:
            report.add('outside', line)
        summaries.append(
            PartSummary(
                path=path,
                cephalograms=len(chosen),
                subjects=len(
                    {cephalogram.subject for cephalogram in chosen} - {''}
                ),
                landmarks=sum(int((f.visible > 0).sum()) for f in chosen),
                scaled=sum(
                    cephalogram.spacing is not None for cephalogram in chosen
                ),
            )
        )
    return summaries


def make_splitter(
    shares: tuple[float, float], seed: int, val_share: float = 0.0
) -> Splitter:
    """Decide how the parts are made.

    The split of the dataset is kept if it has one. If it has no validation
    part, one can be taken from the training part.

    Args:
        shares (Tuple[float, float]): Shares of validation and test if the
            dataset has no split.
        seed (int): Of the random choice.
        val_share (float): Share of the training cephalograms to take for
            validation if the dataset has a split without it. Defaults to 0.

    Returns:
        Splitter: To be used by :func:`write_cephalogram_folder`; raises
            ValueError
        if a part would be empty.
    """

    def split(
        cephalograms: Sequence[CephalometricRecord], digests: Sequence[str]
    ) -> dict[str, list[int]]:
        parts = given_split(cephalograms)
        if not parts:
            val, test = shares
            return split_at_random(
                cephalograms, digests, dict(val=val, test=test), seed
            )
        if val_share and 'val' in parts:
            raise ValueError(
                'the dataset has images for validation already: leave out '
                '--val-share'
            )
        if val_share:
            train = parts.get('train', [])
            inner = split_at_random(
                [cephalograms[index] for index in train],
                [digests[index] for index in train],
                dict(val=val_share),
                seed,
            )
            halves = {
                part: [train[index] for index in indices]
                for part, indices in inner.items()
            }
            parts = {
                **halves,
                **{k: v for k, v in parts.items() if k != 'train'},
            }
        return parts

    return split


def make_baseline_splitter(
    seed: int, sizes: Sequence[int] = (300, 50)
) -> Splitter:
    """Split as the baseline of a CL-Detection challenge does.

    Args:
        seed (int): Of the baseline: 2023 or 2024, as the challenge.
        sizes (Sequence[int]): Cephalograms for training and for validation,
            the rest is for the test. Defaults to (300, 50).

    Returns:
        Splitter: To be used by :func:`write_cephalogram_folder`.
    """

    def split(
        cephalograms: Sequence[CephalometricRecord], digests: Sequence[str]
    ) -> dict[str, list[int]]:
        return split_as_baseline(len(cephalograms), seed, sizes)

    return split


def _check_heights(
    cephalograms: Sequence[CephalometricRecord],
    heights: np.ndarray,
    report: AnnotationReport,
) -> None:
    """Report images whose height in mm is that of no image, or no other's."""
    is_known = np.isfinite(heights)
    if not is_known.any():
        return
    median = np.median(heights[is_known])
    for image, height in zip(cephalograms, heights):
        if not np.isfinite(height):
            continue
        ratio = max(height / median, median / height)
        low, high = _HEIGHTS_MM
        if not low <= height <= high or ratio > _MAX_RATIO:
            report.add(
                'unlikely_size',
                f'{image.image_path}: {height:.0f} mm high, the median of all '
                f'cephalograms is {median:.0f} mm',
            )
