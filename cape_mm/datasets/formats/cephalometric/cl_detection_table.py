# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the CL-Detection 2024 challenge (53 landmarks).

A table with the columns ``image file``, ``spacing(mm)``, ``p1x``, ``p1y`` to
``p53y``, beside a folder ``images``.
https://www.codabench.org/competitions/2576/
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import get_schema

from .coco_file import CephalometricRecord
from .csv_table import read_csv

SCHEMA = 'cl_detection53'


def read_cl_detection_table(
    labels: Path, source_root: Path, report: AnnotationReport
) -> Iterator[CephalometricRecord]:
    """Read the cephalograms in the order of the table.

    Args:
        labels (Path): ``labels.csv``.
        source_root (Path): The folder ``images``.
        report (AnnotationReport): Collects what is not usable.

    Yields:
        CephalometricRecord: A cephalogram. Nothing is known of persons.

    Raises:
        ValueError: If the table or a cell is wrong, with row and column.
    """
    yield from read_csv(
        labels, get_schema(SCHEMA), source_root, report, pattern='{}{}'
    )
