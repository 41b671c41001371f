# Copyright (c) cape_mm contributors. All rights reserved.
"""What there is in a folder that is opened: images, labels, annotations."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    read_annotations,
    recognise_format,
)
from cape_mm.datasets.formats.annotation_tools.image_search import (
    IMAGE_SUFFIXES,
)
from cape_mm.datasets.formats.image_check import loaded_size
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.errors import DataError

from .labels import ACCEPTED, PREDICTED, UNLABELLED, Instance, Labels
from .project_file import read_labels

#: Folder of the annotation file of a project.
FOLDER = 'annotations'
_MOST_FILES = 20_000


def find_images(root: Path, notes: list[str]) -> dict[str, tuple[int, int]]:
    """Sizes of all images below a folder, by name."""
    images, refused, count = {}, [], 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith('.') and name != FOLDER
        )
        count += len(names)
        if count > _MOST_FILES:
            raise DataError(
                f'{root} has more than {_MOST_FILES} files: give a folder '
                'with fewer'
            )
        for name in sorted(names):
            path = Path(folder, name)
            key = path.relative_to(root).as_posix()
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            try:
                # what a project names must be readable when it is reopened
                remedy = 'open their own folder'
                check_image_names([key], root, root, remedy=remedy)
                size = loaded_size(path) if path.is_file() else None
                if size is None:
                    raise DataError(f'{key} is no readable image')
                images[key] = size
            except DataError as error:
                refused.append(str(error))
    if refused:
        notes.append(f'{len(refused)} file(s) are left out: {refused[0]}')
    if not images:
        remedy = f'give a folder with {", ".join(IMAGE_SUFFIXES)} files'
        remedy = notes[-1] if refused else remedy
        raise DataError(f'there is no image in {root}: {remedy}')
    return images


def read_project(
    path: Path,
    root: Path,
    images: dict[str, tuple[int, int]],
    source: str | os.PathLike[str] | None,
    category: str | None,
    notes: list[str],
) -> Labels:
    """Labels of a project, of an import, or none."""
    if path.exists():
        if source:
            raise DataError(
                f'{path} is a project already: leave the annotations to '
                'import empty, or move that file away'
            )
        labels = read_labels(path, root)
    elif source or _has_annotations(path.parents[1]):
        place = Path(source).expanduser() if source else path.parents[1]
        labels = _import(place, root, category, notes)
    else:
        labels = Labels(category or 'object')
    known: dict[str, dict[str, Instance]] = {}
    for key, instance in labels.instances.items():
        known.setdefault(instance.image, {})[key] = instance
    missing = [name for name in known if name not in images]
    if missing:
        notes.append(
            f'{len(missing)} labelled image(s) are not in {root}, such as '
            f'{missing[0]}: put them back, their labels are kept'
        )
    points = (UNLABELLED,) * len(labels.keypoint_names)
    instances = {}
    for name in sorted({*images, *known}):
        found = known.get(name)
        if found is None:
            instances[name] = Instance(name, images[name], points)
            continue
        in_order = sorted(found, key=lambda key: (len(key), key))
        instances.update((key, found[key]) for key in in_order)
        size = next(iter(found.values())).size
        if images.get(name, size) != size:
            notes.append(
                f'{name} has {images[name]} pixels, but was labelled with '
                f'{size}: check its keypoints'
            )
    return replace(labels, instances=instances)


def _has_annotations(folder: Path) -> bool:
    """Whether a tool's annotations lie in a folder."""
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith('.')]
        for name in names:
            try:
                if recognise_format(Path(base, name)):
                    return True
            except DataError:  # some other JSON, XML, CSV or YAML file
                continue
    return False


def _import(
    source: Path, root: Path, category: str | None, notes: list[str]
) -> Labels:
    """Labels of an annotation tool's files."""
    report = AnnotationReport(str(source), problems=REPAIRS)
    annotations = read_annotations(
        [source], report, image_root=root, category=category
    )
    if report:
        notes.append(str(report))
    if len(annotations.categories) > 1:
        names = ', '.join(c.name for c in annotations.categories.values())
        raise DataError(
            f'{source} has the categories {names}: write one of them as the '
            'kind of object'
        )
    instances: dict[str, Instance] = {}
    for image in annotations.images:
        if image.read_pixels is not None:
            raise DataError(
                f'{source} has frames of videos: write them with '
                'tools/dataset_converters/import_annotations.py first'
            )
        name = image.path.relative_to(root).as_posix()
        for number, found in enumerate(image.instances, start=1):
            scores = found.keypoint_scores
            key = name if number == 1 else f'{name}#{number}'
            instances[key] = Instance(
                name,
                image.size,
                tuple((x, y, int(v)) for x, y, v in found.keypoints.tolist()),
                None if found.box is None else tuple(found.box.tolist()),
                ACCEPTED if scores is None else PREDICTED,
                None if scores is None else tuple(scores.tolist()),
            )
    (known,) = annotations.categories.values()
    return Labels(
        known.name,
        known.keypoint_names,
        known.skeleton,
        known.flip_pairs,
        instances,
    )
