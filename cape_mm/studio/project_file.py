# Copyright (c) cape_mm contributors. All rights reserved.
"""The annotation file of a project, beyond what every COCO file has.

An annotation has the key ``studio`` with the key of its instance, whether its
box was given, and the prediction it came from; the file has one with all
instances that are not accepted::

    {"images": ..., "categories": ...,
     "annotations": [{..., "studio": {"key": "1.jpg", "box": false,
                                      "scores": [0.9, 0.4],
                                      "corrected": [1]}}],
     "studio": {"reviewed": ["1.jpg"],
                "instances": [{"key": "2.jpg", "image_id": 2,
                               "status": "predicted", "box": null,
                               "keypoints": [12, 30, 2, 40, 8, 2],
                               "scores": [0.8, 0.7]}]}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.json_values import (
    as_box,
    as_dict,
    as_id,
    as_keypoints,
    as_list,
    as_number,
    as_text,
)
from cape_mm.datasets.formats.mp100.annotation_file import (
    load_annotation_file,
    parse_categories,
)
from cape_mm.errors import DataError

from .labels import (
    ACCEPTED,
    EMPTY,
    PREDICTED,
    REJECTED,
    Instance,
    Labels,
)


def studio_content(content: dict[str, Any], labels: Labels) -> None:
    """Add what only a project has to the content of a COCO file.

    Args:
        content (dict): Content with all images and the accepted instances,
            in order; changed in place.
        labels (Labels): Labels of the project.
    """
    ids = {image['file_name']: image['id'] for image in content['images']}
    others = []
    accepted = iter(content['annotations'])
    for key, instance in sorted(
        labels.instances.items(), key=lambda item: ids[item[1].image]
    ):
        entry: dict[str, Any] = dict(key=key)
        if instance.scores is not None:
            entry.update(scores=instance.scores, corrected=instance.corrected)
        if instance.status == ACCEPTED:
            entry['box'] = instance.box is not None
            next(accepted)['studio'] = entry
            continue
        is_default = instance.status == EMPTY and instance.box is None
        if is_default and key == instance.image:
            continue
        entry.update(
            image_id=ids[instance.image],
            status=instance.status,
            box=instance.box,
            keypoints=[n for point in instance.keypoints for n in point],
        )
        others.append(entry)
    content['info'] = dict(description='written by cape_mm', skeleton_base=0)
    content['studio'] = dict(reviewed=labels.reviewed, instances=others)


def read_labels(path: Path, root: Path) -> Labels:
    """Read the annotation file of a project.

    Args:
        path (Path): The file.
        root (Path): Folder of the images.

    Returns:
        Labels: Labels, without the images that have none.

    Raises:
        DataError: If the file has another form.
    """
    content = load_annotation_file(str(path))
    images = {image['id']: image for image in content['images']}
    names = [image['file_name'] for image in images.values()]
    check_image_names(names, root, path, remedy='open their own folder')
    report = AnnotationReport(str(path))
    categories = parse_categories(content, report, is_sure=True)
    if report or len(categories) != 1:
        raise DataError(
            f'{path} is no project ({report or f"{len(categories)} "}'
            'categories): move it to another place, and import it'
        )
    (category,) = categories.values()
    extra = as_dict(content.get('studio', {}), f'{path}: studio')
    entries = as_list(extra.get('instances', ()), f'{path}: studio.instances')
    instances: dict[str, Instance] = {}
    for part, group in (
        ('annotations', content['annotations']),
        ('studio.instances', entries),
    ):
        for number, entry in enumerate(group):
            where = f'{path}: entry {number} of {part}'
            entry = as_dict(entry, where)
            is_accepted = part == 'annotations'
            own = entry
            if is_accepted:
                own = as_dict(entry.get('studio', {}), f'{where}: studio')
            image = images.get(as_id(entry.get('image_id'), where))
            if image is None:
                raise DataError(f'{where}: there is no such image_id')
            key = as_text(own.get('key', image['file_name']), where)
            if key in instances:
                raise DataError(f'{where}: {key} is there twice')
            instances[key] = _read_instance(
                entry, own, image, category.num_keypoints, where, is_accepted
            )
    reviewed = as_list(extra.get('reviewed', ()), f'{path}: studio.reviewed')
    return Labels(
        category.name,
        category.keypoint_names,
        category.skeleton,
        category.flip_pairs,
        instances,
        tuple(as_text(key, f'{path}: studio.reviewed') for key in reviewed),
    )


def _read_instance(
    entry: dict,
    own: dict,
    image: dict,
    count: int,
    where: str,
    is_accepted: bool,
) -> Instance:
    """An instance of an entry; ``own`` has what only a project has."""
    status = ACCEPTED if is_accepted else entry.get('status')
    if status not in (EMPTY, PREDICTED, ACCEPTED, REJECTED):
        raise DataError(f'{where}: there is no status {status!r}')
    points = as_keypoints(entry.get('keypoints', ()), where, count)
    box = None
    if is_accepted and own.get('box', True):
        x, y, w, h = as_box(entry.get('bbox'), where).tolist()
        box = (x, y, round(x + w, 3), round(y + h, 3))
    elif not is_accepted and entry.get('box') is not None:
        box = tuple(as_box(entry['box'], where).tolist())
    scores = own.get('scores')
    if scores is not None:
        scores = tuple(
            as_number(score, where) for score in as_list(scores, where, count)
        )
    corrected = as_list(own.get('corrected', ()), where)
    if status == PREDICTED and scores is None:
        raise DataError(f'{where}: a prediction without scores')
    if not {*map(str, corrected)} <= {*map(str, range(count))}:
        raise DataError(f'{where}: corrected is {corrected}')
    return Instance(
        image['file_name'],
        (int(image['width']), int(image['height'])),
        tuple((x, y, min(max(int(v), 0), 2)) for x, y, v in points.tolist()),
        box,
        status,
        scores,
        tuple(map(int, corrected)),
    )
