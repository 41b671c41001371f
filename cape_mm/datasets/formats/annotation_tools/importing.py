# Copyright (c) cape_mm contributors. All rights reserved.
"""From the files of an annotation tool to a folder in MP-100 layout."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence
from xml.etree import ElementTree

import numpy as np
import yaml

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_paths import is_regular_file
from cape_mm.errors import DataError

from .annotations import Annotations
from .coco import (
    is_coco,
    is_coco_results,
    read_coco,
    read_coco_results,
)
from .collector import Collector
from .cvat import read_cvat
from .deeplabcut import read_deeplabcut
from .keypoint_table import is_keypoint_table, read_keypoint_table
from .label_studio import is_label_studio, read_label_studio
from .labelme import is_labelme, read_labelme
from .mp100_folder import write_mp100_folder
from .predictions import is_predictions, read_predictions
from .repairs import REPAIRS
from .sleap import read_sleap
from .via import is_via, read_via
from .yolo_pose import is_yolo_pose, read_yolo_pose

#: Readers by format, of a file and its content.
READERS: dict[str, Callable[[Path, Any, Collector], None]] = {
    'coco': read_coco,
    'labelme': read_labelme,
    'label-studio': read_label_studio,
    'cvat': read_cvat,
    'deeplabcut': read_deeplabcut,
    'sleap': read_sleap,
    'yolo-pose': read_yolo_pose,
    'via': read_via,
    'coco-results': read_coco_results,
    'predictions': read_predictions,
    'csv': read_keypoint_table,
}
#: Instances of which a keypoint that is labelled once is suspicious.
_MANY = 5
#: Values of a YAML file, at most.
_MAX_VALUES = 1_000_000
_BINARY = {'.h5': 'deeplabcut', '.slp': 'sleap'}
_PARSERS: dict[str, Callable[[str], Any]] = {
    '.json': json.loads,
    '.xml': ElementTree.fromstring,
    '.csv': str,
    '.yaml': yaml.safe_load,
    '.yml': yaml.safe_load,
}
_CHECKS: dict[str, dict[str, Callable[[Any], bool]]] = {
    '.json': {
        'coco': is_coco,
        'labelme': is_labelme,
        'label-studio': is_label_studio,
        'via': is_via,
        'coco-results': is_coco_results,
        'predictions': is_predictions,
    },
    '.xml': {'cvat': lambda root: root.tag == 'annotations'},
    '.csv': {
        'deeplabcut': lambda text: text.startswith('scorer'),
        'via': lambda text: 'region_shape_attributes' in text[:1000],
        'csv': is_keypoint_table,
    },
    '.yaml': {'yolo-pose': is_yolo_pose},
    '.yml': {'yolo-pose': is_yolo_pose},
}


def read_annotations(
    sources: Sequence[Path],
    report: AnnotationReport,
    format: str = 'auto',
    image_root: Path | None = None,
    category: str | None = None,
    skeleton_base: str = 'auto',
    decode: bool = False,
) -> Annotations:
    """Read annotations of any tool into one record.

    Categories and keypoints are matched by name, over all files.

    Args:
        sources (Sequence[Path]): Files, or folders with files of one format.
        report (AnnotationReport): Counter of :data:`REPAIRS`.
        format (str): Key of :data:`READERS`, to choose among the files of a
            folder. Defaults to ``'auto'``, the only one that it has.
        image_root (Path, optional): Folder of the images. Defaults to the
            usual places beside each file.
        category (str, optional): The only category to keep; names it where
            files do not. Defaults to all.
        skeleton_base (str): ``'0'`` or ``'1'`` if skeletons of COCO files
            count from that, ``'auto'`` to recognise it by proof. Defaults to
            ``'auto'``.
        decode (bool): Whether images are decoded, which finds incomplete
            ones. Defaults to False.

    Returns:
        Annotations: Images that exist, with sound instances.

    Raises:
        FileNotFoundError: If a source does not exist.
        DataError: If a file is broken, or nothing is usable.
        ImportError: If a package for the format is missing.
    """
    if image_root is not None and not Path(image_root).is_dir():
        raise FileNotFoundError(f'there is no folder {image_root} of images')
    collector = Collector(report, image_root, category, skeleton_base, decode)
    for source in sources:
        for file, key in _files_of(source, format, report):
            collector.where = str(file)
            try:
                READERS[key](file, _load(file), collector)
            except (DataError, ImportError):
                raise
            except Exception as error:  # whatever a broken file leads to
                raise DataError(
                    f'{collector.where} has not the form of {key}: {error!r}'
                ) from error
    return collector.finish()


def recognise_format(file: Path) -> str | None:
    """Find out the format of an annotation file by its content.

    Args:
        file (Path): A file.

    Returns:
        str | None: Key of :data:`READERS`; None if it is no such file.

    Raises:
        DataError: If it is broken.
    """
    suffix = file.suffix.lower()
    if suffix in _BINARY:
        return _BINARY[suffix]
    checks = _CHECKS.get(suffix, {})
    content = _load(file) if checks else None
    return next((key for key, check in checks.items() if check(content)), None)


def import_annotations(
    sources: Sequence[Path],
    out: Path,
    val_share: float = 0.2,
    seed: int = 0,
    images: str = 'link',
    quick: bool = False,
    **options,
) -> list[str]:
    """Bring annotations of any tool into MP-100 layout.

    Args:
        sources (Sequence[Path]): Files, or folders with files of one format.
        out (Path): Folder to write to.
        val_share (float): Share of the images for validation. Defaults to
            0.2.
        seed (int): Seed of the split. Defaults to 0.
        images (str): ``'link'`` or ``'copy'``. Defaults to ``'link'``.
        quick (bool): Whether images are not decoded; incomplete ones go
            unnoticed then. Defaults to False.
        **options: Options of :func:`read_annotations`.

    Returns:
        list[str]: Summary in lines: files, categories, repairs.

    Raises:
        FileExistsError: If there are annotations in ``out`` already.
        FileNotFoundError: If a source does not exist.
        DataError: If a file is broken, or nothing is usable.
        ImportError: If a package for the format is missing.
    """
    names = ', '.join(str(source) for source in sources)
    report = AnnotationReport(names, problems=REPAIRS)
    annotations = read_annotations(
        sources, report, decode=not quick, **options
    )
    lines = write_mp100_folder(
        annotations, out, val_share, seed, images == 'link'
    )
    lines += _describe(annotations)
    return [*lines, *([str(report)] if report else [])]


def _files_of(
    source: Path, format: str, report: AnnotationReport
) -> list[tuple[Path, str]]:
    """Annotation files of a source and their formats."""
    if not source.exists():
        raise FileNotFoundError(f'there is no {source}')
    found = {}
    for file in _walk(source):
        key = recognise_format(file)
        if key is not None and format in ('auto', key):
            found[file] = key
        elif source.is_dir():
            report.add('ignored_file', str(file))
    # DeepLabCut writes each table twice
    files = [
        file
        for file in sorted(found)
        if file.suffix != '.h5' or file.with_suffix('.csv') not in found
    ]
    examples = {found[file]: file for file in reversed(files)}
    if len(examples) > 1:
        texts = [f'{key} ({file})' for key, file in sorted(examples.items())]
        raise DataError(
            f'{source} holds files of several formats, {", ".join(texts)}: '
            'choose one with --format, or give its file'
        )
    if not files:
        expected = ', '.join(READERS) if format == 'auto' else format
        raise DataError(
            f'{source} has no annotations of the formats {expected}; archives '
            'must be unpacked'
        )
    return [(file, found[file]) for file in files]


def _walk(source: Path) -> Iterator[Path]:
    """Files that may be annotations."""
    if source.is_file():
        yield source
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            is_known = path.suffix.lower() in (*_PARSERS, *_BINARY)
            if is_known and is_regular_file(path):
                yield path


def _load(file: Path) -> Any:
    """Content of a text file; None of another one."""
    parse = _PARSERS.get(file.suffix.lower())
    if parse is None:
        return None
    try:
        text = file.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise DataError(
            f'{file} is no UTF-8 text ({error}): save it as UTF-8'
        ) from None
    if file.suffix.lower() == '.xml' and '<!DOCTYPE' in text:
        raise DataError(f'{file} declares entities, as no tool does')
    try:
        content = parse(text)
    except RecursionError:
        raise DataError(f'{file} is nested too deeply to be read') from None
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        raise DataError(
            f'{file} is no valid {file.suffix[1:].upper()}, perhaps it was '
            f'not exported completely: {error}'
        ) from None
    if parse is yaml.safe_load and _count_values(content, {}) > _MAX_VALUES:
        raise DataError(
            f'{file} multiplies its content by references, as no tool does'
        )
    return content


def _count_values(value: Any, counts: dict[int, float]) -> float:
    """Number of values, with those that references (YAML's ``*``) repeat."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in counts:
        counts[id(value)] = math.inf  # in itself, without end
        parts = value.values() if isinstance(value, dict) else value
        counts[id(value)] = sum(_count_values(part, counts) for part in parts)
    return counts[id(value)]


def _describe(annotations: Annotations) -> list[str]:
    """Categories in lines, with the number of labels of each keypoint."""
    instances = [i for image in annotations.images for i in image.instances]
    lines = []
    for key, category in annotations.categories.items():
        own = [
            i.keypoints[:, 2] > 0 for i in instances if i.category_id == key
        ]
        labels = ', '.join(
            f'{name} {count}'
            for name, count in zip(category.keypoint_names, np.sum(own, 0))
        )
        lines.append(
            f'{category}: {len(own)} instances, '
            f'{len(category.skeleton)} skeleton edges, labels: {labels}'
        )
        rare = [
            name
            for name, count in zip(category.keypoint_names, np.sum(own, 0))
            if count == 1 and len(own) >= _MANY
        ]
        if rare:
            lines.append(
                f'Warning: {", ".join(rare)} labelled once in {len(own)} '
                'instances: is the name misspelt?'
            )
    return lines
