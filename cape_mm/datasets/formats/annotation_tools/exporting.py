# Copyright (c) cape_mm contributors. All rights reserved.
"""From annotations or predictions to the files of a tool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

from .annotations import Annotations
from .coco import write_coco, write_coco_results
from .deeplabcut import write_deeplabcut
from .importing import read_annotations
from .keypoint_table import write_keypoint_table
from .labelme import write_labelme
from .mp100_folder import write_mp100_folder
from .repairs import REPAIRS
from .sleap import write_sleap
from .yolo_pose import write_yolo_pose

#: Writers by format. Arguments are annotations with the sizes of images, the
#: folder to write to, and whether to link images instead of copying them (not
#: used where none is written). They return a summary in lines, and raise
#: :class:`DataError` if the format cannot hold the annotations.
WRITERS: dict[str, Callable[..., list[str]]] = {
    'coco': write_coco,
    'coco-results': write_coco_results,
    'csv': write_keypoint_table,
    'deeplabcut': write_deeplabcut,
    'labelme': write_labelme,
    'mp100': write_mp100_folder,
    'sleap': write_sleap,
    'yolo-pose': write_yolo_pose,
}
#: What a format has no place for.
_LOST = {
    'coco-results': ('tracks',),
    'csv': ('skeletons',),
    'deeplabcut': ('boxes', 'hidden flags', 'scores', 'skeletons'),
    'labelme': ('skeletons', 'tracks'),
    'sleap': ('boxes',),
    'yolo-pose': ('scores', 'tracks'),
}
#: Formats with a file of labels an image, named after it without suffix.
_BY_STEM = ('labelme', 'yolo-pose')


def convert_annotations(
    sources: Sequence[Path],
    out: Path,
    formats: Sequence[str],
    images: str = 'link',
    min_score: float = 0.0,
    **options,
) -> list[str]:
    """Bring annotations or predictions of any format into others.

    Args:
        sources (Sequence[Path]): Files, or folders with files of one format,
            such as a COCO file or ``predictions.json``.
        out (Path): Folder to write to, one subfolder a format.
        formats (Sequence[str]): Keys of :data:`WRITERS`.
        images (str): ``'link'`` or ``'copy'``. Defaults to ``'link'``.
        min_score (float): See :func:`export_annotations`. Defaults to 0.
        **options: Options of :func:`read_annotations`.

    Returns:
        list[str]: Summary in lines: files, and what was repaired.

    Raises:
        FileExistsError: If the folder of a format is not empty.
        FileNotFoundError: If a source does not exist.
        DataError: If a file is broken, nothing is usable, or a format cannot
            hold it.
        ImportError: If a package for a format is missing.
    """
    for format in formats:
        check_is_empty(out / format)
    names = ', '.join(str(source) for source in sources)
    report = AnnotationReport(names, problems=REPAIRS)
    annotations = read_annotations(sources, report, **options)
    lines = []
    for format in formats:
        lines += export_annotations(
            annotations, format, out / format, images == 'link', min_score
        )
    return [*lines, *([str(report)] if report else [])]


def export_annotations(
    annotations: Annotations,
    format: str,
    out_dir: Path,
    link: bool = True,
    min_score: float = 0.0,
) -> list[str]:
    """Write the files of an annotation tool.

    Args:
        annotations (Annotations): Images with their sizes, and categories.
        format (str): Key of :data:`WRITERS`.
        out_dir (Path): Folder to write to; there is nothing in it yet.
        link (bool): Whether to link images instead of copying them, where
            the format has them beside its labels. Defaults to True.
        min_score (float): Least score of a predicted keypoint; others are
            written as not labelled. Defaults to 0.

    Returns:
        list[str]: Summary in lines: files, and what the format has no place
        for.

    Raises:
        FileExistsError: If the folder is not empty.
        DataError: If the format cannot hold the annotations, or there is
            nothing to write.
        ImportError: If a package for the format is missing.
    """
    check_is_empty(out_dir)
    annotations = _drop_uncertain(annotations, min_score)
    if not annotations.num_instances:
        raise DataError('there is no instance to write')
    if format in _BY_STEM:
        stems: dict[str, str] = {}
        for image in annotations.images:
            stem = image.name.rpartition('.')[0].casefold()
            other = stems.setdefault(stem, image.name)
            if other != image.name:
                raise DataError(
                    f'{other} and {image.name} would share a file of labels '
                    f'in the format {format}: rename one of them'
                )
    lines = WRITERS[format](annotations, out_dir, link=link)
    held = _contents(annotations)
    lost = [kind for kind in _LOST.get(format, ()) if kind in held]
    if lost:
        lines.append(f'{format} has no place for {", ".join(lost)}')
    return lines


def check_is_empty(out_dir: Path) -> None:
    """Refuse a folder with files: labels may have been corrected there.

    Args:
        out_dir (Path): Folder to write to.

    Raises:
        FileExistsError: If there is something in it.
    """
    if out_dir.exists() and any(out_dir.iterdir()):
        raise FileExistsError(
            f'{out_dir} is not empty: move it away, or choose another folder'
        )


def _drop_uncertain(annotations: Annotations, min_score: float) -> Annotations:
    """Annotations without the keypoints that score less."""
    images = []
    for image in annotations.images:
        instances = []
        for instance in image.instances:
            scores, keypoints = instance.keypoint_scores, instance.keypoints
            if scores is not None:
                is_found = np.asarray(scores) >= min_score
                keypoints = np.where(is_found[:, None], keypoints, 0)
            if (keypoints[:, 2] > 0).any():
                instances.append(replace(instance, keypoints=keypoints))
        images.append(replace(image, instances=instances))
    return replace(annotations, images=images)


def _contents(annotations: Annotations) -> set[str]:
    """What there is in annotations beside keypoints."""
    instances = [i for image in annotations.images for i in image.instances]
    kinds = {
        'boxes': any(i.box is not None for i in instances),
        'hidden flags': any((i.keypoints[:, 2] == 1).any() for i in instances),
        'scores': any(i.keypoint_scores is not None for i in instances),
        'tracks': any(i.track_id is not None for i in instances),
        'skeletons': any(c.skeleton for c in annotations.categories.values()),
    }
    return {kind for kind, is_there in kinds.items() if is_there}
