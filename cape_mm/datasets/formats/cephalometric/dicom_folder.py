# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
from pathlib import Path

import cv2

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import LandmarkSchema

from .dicom_cephalogram import is_dicom, png_name, read_dicom
from .image_size import MAX_MEGAPIXELS

TABLE = 'cephalograms.csv'


def unpack_dicom_folder(
    root: Path,
    out_dir: Path,
    schema: LandmarkSchema,
    report: AnnotationReport,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> int:
    """Write DICOM files as PNG, with a table to fill in their landmarks.

    The table, ``cephalograms.csv``, has what the files say about spacing and
    device, and empty columns for the landmarks. Filled in, it is what
    :func:`read_csv` reads.

    Args:
        root (Path): Folder with DICOM files, at any depth.
        out_dir (Path): Folder to write to.
        schema (LandmarkSchema): Landmarks of the table.
        report (AnnotationReport): Collects remarks on the files.
        max_megapixels (float): Limit in millions of pixels. Defaults to 150.

    Returns:
        int: Number of cephalograms.

    Raises:
        FileNotFoundError: If there is no DICOM file.
        FileExistsError: If the table or an image is there already.
        ValueError: If a file cannot be read, or two would become one PNG.
    """
    files = [path for path in sorted(root.rglob('*')) if is_dicom(path)]
    if not files:
        raise FileNotFoundError(f'there is no DICOM file in {root}')
    table = out_dir / TABLE
    if table.exists():
        raise FileExistsError(
            f'{table} is there already, perhaps with landmarks: move it away'
        )
    owners: dict[str, Path] = {}
    rows: list[list[str]] = []
    for path in files:
        name = png_name(path.relative_to(root))
        if name in owners:
            raise ValueError(
                f'{path} and {owners[name]} would both become {name}: rename '
                'one'
            )
        owners[name] = path
        cephalogram = read_dicom(path, max_megapixels)
        for note in cephalogram.notes:
            report.add('dicom', f'{path}: {note}')
        target = out_dir / 'images' / name
        if target.exists():
            raise FileExistsError(f'{target} is there already: move it away')
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(
            cv2.imencode('.png', cephalogram.image)[1].tobytes()
        )
        x, y = cephalogram.spacing or ('', '')
        rows.append(
            [
                name,
                str(x),
                str(y),
                cephalogram.spacing_source,
                cephalogram.device,
            ]
        )
    header = ['file', 'spacing_x', 'spacing_y', 'spacing_source', 'device']
    header += ['subject']
    header += [f'{code}_{axis}' for code in schema.codes for axis in 'xy']
    out_dir.mkdir(parents=True, exist_ok=True)
    with open(table, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            writer.writerow(row + [''] * (len(header) - len(row)))
    return len(rows)
