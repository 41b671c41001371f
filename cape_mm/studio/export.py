# Copyright (c) cape_mm contributors. All rights reserved.
"""One zip of a project, for annotation tools and for people."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Sequence

import mmcv

from cape_mm.datasets.formats.annotation_tools import export_annotations
from cape_mm.errors import DataError

from .canvas import draw_labels, make_view, read_pixels
from .editor import Cursor
from .labels import ACCEPTED, MIN_SCORE, PREDICTED
from .project import Project, to_annotations

#: Beside the formats of annotation tools: images with what is drawn on them.
OVERLAY = 'overlay'


def export_zip(
    project: Project,
    formats: Sequence[str],
    out_dir: Path,
    with_predictions: bool = True,
) -> tuple[Path, list[str]]:
    """Write the labels of a project in some formats, as one zip.

    Rejected images are left out, and so are predicted keypoints below
    :data:`MIN_SCORE`.

    Args:
        project (Project): The project.
        formats (Sequence[str]): Some of those of annotation tools and
            :data:`OVERLAY`, a folder each.
        out_dir (Path): Folder of the zip.
        with_predictions (bool): Whether predictions that are not accepted are
            there, too, with their scores. Defaults to True.

    Returns:
        tuple[Path, list[str]]: The zip, and a summary in lines.

    Raises:
        DataError: If there is nothing to write, or a format cannot hold it.
        ImportError: If a package for a format is missing.
    """
    labels = project.labels
    if not formats:
        raise DataError('no format is chosen: choose at least one')
    annotations = to_annotations(labels, project.root, with_predictions)
    annotations.images = [i for i in annotations.images if i.instances]
    status = (ACCEPTED, PREDICTED) if with_predictions else (ACCEPTED,)
    lines = [
        f'{len(labels.keys(ACCEPTED))} labelled and accepted, '
        f'{len(labels.keys(*status)) - len(labels.keys(ACCEPTED))} predicted '
        'instances'
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, 'labels')
        for format in formats:
            if format == OVERLAY:
                for key in labels.keys(*status):
                    cursor = Cursor(key)
                    try:
                        image = read_pixels(project.image_path(key))
                    except (DataError, FileNotFoundError) as error:
                        lines.append(f'overlay leaves out {key}: {error}')
                        continue
                    view = make_view(image, cursor)
                    drawn = draw_labels(view, labels, cursor)
                    path = folder / OVERLAY / f'{key}.jpg'.replace('#', '_')
                    if not mmcv.imwrite(drawn[..., ::-1], str(path)):
                        raise DataError(f'{key}: no image could be written')
                continue
            for line in export_annotations(
                annotations, format, folder / format, min_score=MIN_SCORE
            ):
                lines.append(line.replace(f'{folder}/', ''))
        out_dir.mkdir(parents=True, exist_ok=True)
        name = project.path.parents[1].name or 'project'
        archive = shutil.make_archive(
            str(out_dir / f'{name}_labels'), 'zip', temporary, 'labels'
        )
    return Path(archive), lines
