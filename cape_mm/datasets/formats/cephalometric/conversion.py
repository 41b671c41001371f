# Copyright (c) cape_mm contributors. All rights reserved.
"""From a download to a folder of this project, whatever its format."""

from __future__ import annotations

import csv
import json
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.errors import DataError
from cape_mm.structures import LandmarkSchema, get_schema

from ..image_check import MAX_MEGAPIXELS
from .aariz import read_aariz
from .cl_detection import read_cl_detection_stack
from .csv_table import read_csv
from .dicom import is_dicom, png_name, read_dicom
from .folder import ImageStore, write_cephalogram_folder
from .isbi import read_isbi
from .pandas_json import read_pandas_json, read_rulers
from .reading import ObserverError
from .splits import split_as_baseline, split_cephalograms

#: Kinds of remarks on a conversion, and what is done about them.
CONVERSION_PROBLEMS = OrderedDict(
    no_annotation='cephalograms without landmarks (left out)',
    no_image='cephalograms whose image is missing (left out)',
    not_labelled='landmarks without coordinates (not labelled, v = 0)',
    one_observer='landmarks marked by one observer only (not labelled, v = 0)',
    **IMPLAUSIBLE,
    no_spacing='cephalograms without spacing: no millimetres for them',
    unlikely_size=(
        'cephalograms of an unlikely size in mm (kept, check the spacing)'
    ),
    no_class='cephalograms without class label',
    class_conflict='classes on which observers differ (given for each)',
    ignored_columns='columns that mean nothing here (not copied)',
    same_image='images that are there before, byte for byte (kept)',
    shrunk='images made smaller, with their landmarks and spacing',
    image='remarks on images',
    dicom='remarks on DICOM files',
)
#: Formats with two observers, and their readers.
_OBSERVED = dict(isbi=read_isbi, aariz=read_aariz)
#: Schemas of the formats that have one of their own.
_SCHEMAS = dict(
    isbi='isbi2015',
    aariz='aariz29',
    cl2023='cl_detection38',
    cl2024='cl_detection53',
)
#: Seeds of the baselines that the organisers of the challenges published.
_BASELINE_SEEDS = dict(cl2023=2023, cl2024=2024)
#: Table that a folder of DICOM files becomes.
_TABLE = 'cephalograms.csv'
_COLUMNS = (
    *('file', 'spacing_x', 'spacing_y', 'spacing_source', 'device'),
    'subject',
)
#: Options that the annotation files record.
_RECORDED = (
    *('seed', 'shares', 'val_share', 'baseline_split', 'max_side'),
    'label_size',
)


def make_report(source: str | Path) -> AnnotationReport:
    """An empty report of :data:`CONVERSION_PROBLEMS`."""
    return AnnotationReport(str(source), problems=CONVERSION_PROBLEMS)


def convert_cephalograms(
    format: str, source: Path, out_dir: Path, **options: Any
) -> list[str]:
    """Convert one dataset.

    Writes ``images/`` and ``annotations/<name>_<part>.json`` under
    ``out_dir``, of two observers also ``<name>_observers.json``, the errors of
    one against the other; of a folder of DICOM files ``images/`` and a table
    to fill in. The source is not changed and nothing is overwritten.

    Args:
        format (str): ``'isbi'``, ``'cl2023'``, ``'cl2024'``, ``'aariz'``,
            ``'pandas'``, ``'csv'`` or ``'dicom'``.
        source (Path): Folder or file of the format.
        out_dir (Path): Folder to write to.
        **options: All options of the format, as
            ``tools/dataset_converters/convert_cephalograms.py`` has them.

    Returns:
        list[str]: Summary in lines.

    Raises:
        ImportError: If a package for the format is missing.
        OSError: If a file is missing or exists already.
        DataError: If a file is wrong, or there is no such schema.
    """
    report = make_report(source.name)
    try:
        schema = get_schema(_SCHEMAS.get(format) or options['schema'])
    except KeyError as error:
        raise DataError(error.args[0]) from None
    max_megapixels = options['max_megapixels']
    if format == 'dicom':
        count = unpack_dicom_folder(
            source, out_dir, schema, report, max_megapixels
        )
        line = f'{count} cephalograms, and {out_dir / _TABLE} to fill in'
        return [line, *([str(report)] if report else [])]
    info: dict[str, Any] = {}
    name, root = schema.name, source
    observers = ObserverError(schema.codes)
    if format in _OBSERVED:
        info = dict(annotator=options['annotator'])
        keys = ('spacing', 'label_size')
        scale = {key: options[key] for key in keys if key in options}
        records = _OBSERVED[format](
            source, report, **info, **scale, observer_error=observers
        )
    elif format == 'cl2023':
        name = 'cl_detection2023'
        stack = options['stack'] or source / 'train_stack.mha'
        labels = options['labels'] or source / 'train-gt.json'
        records = read_cl_detection_stack(stack, labels, report)
    elif format == 'cl2024':
        name = 'cl_detection2024'
        table = source / 'labels.csv' if source.is_dir() else source
        root = table.parent / 'images'
        records = read_csv(table, schema, root, report, pattern='{}{}')
    elif format == 'csv':
        name, root = source.stem, options['images'] or source.parent
        records = read_csv(
            source, schema, root, report, max_megapixels=max_megapixels
        )
    else:
        name, root = source.stem, source.parent
        frame, rulers = tuple(options['ruler_frame']), options['rulers']
        sizes = rulers and read_rulers(rulers, frame, options['ruler_mm'])
        records = read_pandas_json(
            source, schema, report, options['image_size'], sizes
        )
    if options.get('baseline_split'):
        split = partial(split_as_baseline, seed=_BASELINE_SEEDS[format])
    else:
        keys = ('shares', 'seed', 'val_share')
        split = partial(split_cephalograms, **{k: options[k] for k in keys})
    chosen = {k: options[k] for k in options if k in _RECORDED}
    keys = ('link', 'max_side', 'max_megapixels', 'allow_outside', 'quick')
    limits = {key: options[key] for key in keys if key in options}
    lines = write_cephalogram_folder(
        records,
        schema,
        options['name'] or name,
        ImageStore(root, out_dir / 'images', report, **limits),
        split,
        skip_missing=options['skip_missing'],
        info=dict(info, format=format, options=chosen),
    )
    if observers.rows():
        path = out_dir / f'{options["name"] or name}_observers.json'
        content = dict(errors='junior against senior', rows=observers.rows())
        path.write_text(json.dumps(content, indent=1) + '\n')
        lines += [*observers.lines(), f'{path}: the same, complete']
    return [*lines, *([str(report)] if report else [])]


def unpack_dicom_folder(
    root: Path,
    out_dir: Path,
    schema: LandmarkSchema,
    report: AnnotationReport,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> int:
    """Write DICOM files as PNG with a table to fill in; their number."""
    files = [path for path in sorted(root.rglob('*')) if is_dicom(path)]
    if not files:
        raise FileNotFoundError(f'there is no DICOM file in {root}')
    table = out_dir / _TABLE
    if table.exists():
        raise FileExistsError(
            f'{table} is there already, perhaps with landmarks: move it away'
        )
    owners: dict[str, Path] = {}
    rows: list[tuple] = []
    for path in files:
        name = png_name(path.relative_to(root))
        if name in owners:
            raise DataError(
                f'{path} and {owners[name]} would both become {name}: rename '
                'one'
            )
        owners[name] = path
        dicom = read_dicom(path, max_megapixels)
        for note in dicom.notes:
            report.add('dicom', f'{path}: {note}')
        target = out_dir / 'images' / name
        if target.exists():
            raise FileExistsError(f'{target} is there already: move it away')
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cv2.imencode('.png', dicom.image)[1].tobytes())
        spacing, origin = dicom.spacing or ('', ''), dicom.spacing_source
        origin = origin if dicom.spacing else 'unknown'
        rows.append((name, *spacing, origin, dicom.device))
    header = [
        *_COLUMNS,
        *(f'{c}_{axis}' for c in schema.codes for axis in 'xy'),
    ]
    with open(table, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            row + ('',) * (len(header) - len(row)) for row in rows
        )
    return len(rows)
