# Copyright (c) cape_mm contributors. All rights reserved.
"""Every reader of annotations in JSON, with a small sound document."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np

from cape_mm.apis.inputs.requests import read_request
from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    read_annotations,
)
from cape_mm.datasets.formats.cephalometric.aariz import (
    _read_landmarks,
)
from cape_mm.datasets.formats.cephalometric.cl_detection import _read_labels
from cape_mm.datasets.formats.cephalometric.conversion import make_report
from cape_mm.datasets.formats.cephalometric.pandas_json import (
    read_pandas_json,
    read_rulers,
)
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.mp100.annotation_file import (
    load_annotation_file,
    parse_categories,
    parse_instances,
)
from cape_mm.datasets.formats.posetrack import (
    POSETRACK_PROBLEMS,
    keypoint_names,
    pack_frame,
    read_coco_images,
    read_videos,
)
from cape_mm.structures import get_schema

from .annotation_documents import (
    IMAGES,
    aariz_document,
    annolist_document,
    cephalometric_document,
    cl_detection_document,
    label_studio_document,
    labelme_document,
    mp100_document,
    pandas_document,
    posetrack_document,
    predictions_document,
    request_document,
    rulers_document,
    via_document,
)
from .json_mutations import Read, Reader

_NAMES = keypoint_names('posetrack15')


def write_images(folder: Path) -> None:
    """Write the images that the documents name."""
    for name in IMAGES:
        cv2.imwrite(str(folder / name), np.zeros((40, 60, 3), np.uint8))


#: Places of COCO's annotations that a record needs, and of ids.
_NEEDED = [('annotations', key) for key in ('keypoints', 'image_id')]
_IMAGE_ID = ('images', 'id')
_POINT = ('annolist', 'annorect', 'annopoints', 'point')


def all_readers() -> dict[str, Reader]:
    """Readers by name."""
    return {
        'mp100': Reader(
            *(mp100_document(), _read_mp100, _annotation_or_image),
            needed=[*_NEEDED, ('annotations', 'bbox')],
            unique=[_IMAGE_ID, ('annotations', 'id'), ('categories', 'id')],
        ),
        'posetrack18': Reader(
            *(posetrack_document(), _read_posetrack, _annotation_or_image),
            needed=[*_NEEDED, ('annotations', 'track_id')],
            unique=[_IMAGE_ID, ('annotations', 'track_id')],
        ),
        'posetrack17': Reader(
            *(annolist_document(), _read_posetrack, _entry_of_list),
            needed=[(*_POINT, key) for key in ('id', 'x', 'y')],
            unique=[(*_POINT, 'id'), ('annolist', 'annorect', 'track_id')],
        ),
        'coco_images': Reader(
            *(posetrack_document(), _read_coco, _annotation_or_image),
            needed=_NEEDED,
            unique=[_IMAGE_ID, ('annotations', 'track_id')],
        ),
        'cephalometric': Reader(
            cephalometric_document(),
            *(_read_cephalometric, _annotation_or_image),
            needed=_NEEDED,
            unique=[_IMAGE_ID, ('annotations', 'image_id')],
        ),
        'aariz': Reader(aariz_document(), _read_aariz, _everything),
        'cl_detection': Reader(cl_detection_document(), _read_cl, _everything),
        'pandas': Reader(pandas_document(), _read_pandas, _everything),
        'rulers': Reader(rulers_document(), _read_rulers, _everything),
        'request': Reader(request_document(), _read_request, _everything),
        'predictions': Reader(
            predictions_document(), _read_request, _everything
        ),
        'predictions as annotations': Reader(
            predictions_document(), _read_tools, _everything
        ),
        'coco': Reader(mp100_document(), _read_tools, _everything),
        'labelme': Reader(labelme_document(), _read_tools, _everything),
        'label-studio': Reader(
            label_studio_document(), _read_tools, _everything
        ),
        'via': Reader(
            *(via_document(), _read_tools, _everything), optional=['regions']
        ),
    }


def _everything(document: Any, path: tuple) -> None:
    """All records may be concerned."""


def _annotation_or_image(document: dict, path: tuple) -> set | None:
    """Records of an annotation, or of all those of an image."""
    if len(path) < 2 or path[0] not in ('annotations', 'images'):
        return None
    if path[::2] == ('annotations', 'id'):
        return None  # records are called by it
    entry = document[path[0]][path[1]]
    if path[0] == 'annotations':
        return {entry['id']}
    anns = document['annotations']
    return {ann['id'] for ann in anns if ann['image_id'] == entry['id']}


def _entry_of_list(document: dict, path: tuple) -> set | None:
    """Persons of a frame."""
    if len(path) < 2:
        return None
    count = len(document['annolist'][path[1]]['annorect'])
    return {f'{path[1]}/{number}' for number in range(count)}


def _read_mp100(file: Path) -> Read:
    report = AnnotationReport(str(file))
    content = load_annotation_file(str(file))
    categories = parse_categories(content, report)
    instances = parse_instances(content, categories, report)
    names = (instance['img_path'] for instance in instances)
    check_image_names(names, file.parent, file)
    records = {
        one['id']: [
            one['img_path'],
            one['category_id'],
            one['bbox'].tolist(),
            one['keypoints'].tolist(),
            one['keypoints_visible'].tolist(),
        ]
        for one in instances
    }
    return Read(records, report.counts)


def _pack(
    frames: list[dict], names: Callable, report: AnnotationReport
) -> Read:
    """Persons of frames as records."""
    records = {}
    for index, frame in enumerate(frames):
        persons = frame['persons']
        packed = pack_frame(frame, len(_NAMES), report)
        has_place = [
            bool((person.keypoints[:, 2] > 0).any()) and not person.is_crowd
            for person in persons
        ]
        kept = [p for p, has in zip(persons, has_place) if has]
        if not frame['is_labeled']:
            kept = []
        parts = packed['instances']
        for row, person in enumerate(kept):
            key = names(index, persons.index(person), person)
            records[key] = [
                frame['file_name'],
                *(
                    parts[part][row].tolist()
                    for part in (
                        *('keypoints', 'keypoints_visible', 'bboxes'),
                        *('areas', 'track_ids'),
                    )
                ),
            ]
    return Read(records, report.counts)


def _name_person(frame: int, index: int, person: Any) -> Any:
    """Id of an annotation, or place in the file."""
    number = person.record.rpartition(' ')[2]
    if person.record.startswith('annorect'):
        return f'{frame}/{number}'
    return int(number) if number.isdigit() else person.record


def _read_posetrack(file: Path) -> Read:
    report = AnnotationReport(str(file), problems=POSETRACK_PROBLEMS)
    videos = read_videos(str(file), _NAMES, report)
    frames = [frame for members in videos.values() for frame in members]
    return _with_names(frames, file, report)


def _read_coco(file: Path) -> Read:
    report = AnnotationReport(str(file), problems=POSETRACK_PROBLEMS)
    return _with_names(
        read_coco_images(str(file), _NAMES, report), file, report
    )


def _with_names(
    frames: list[dict], file: Path, report: AnnotationReport
) -> Read:
    names = (frame['file_name'] for frame in frames)
    check_image_names(names, file.parent, file)
    with np.errstate(all='ignore'):
        return _pack(_hashable(frames), _name_person, report)


def _hashable(frames: list[dict]) -> list[dict]:
    """Frames whose persons are compared by identity."""
    for frame in frames:
        frame['persons'] = _Persons(frame['persons'])
    return frames


class _Persons(list):
    """List whose ``index`` compares by identity."""

    def index(self, person: Any) -> int:
        return next(i for i, one in enumerate(self) if one is person)


@lru_cache(None)
def _cephalometric_dataset(folder: Path) -> CephalometricDataset:
    """Dataset of which only the file changes."""
    return CephalometricDataset(
        'annotations.json',
        'isbi2015',
        data_prefix=dict(img=str(folder)),
        lazy_init=True,
    )


def _read_cephalometric(file: Path) -> Read:
    dataset = _cephalometric_dataset(file.parent)
    dataset.ann_file = str(file)
    records = {}
    for info in dataset.load_data_list():
        spacing = info['spacing']
        records[info['id']] = [
            Path(info['img_path']).name,
            info['keypoints'].tolist(),
            info['keypoints_visible'].tolist(),
            None if spacing is None else spacing.tolist(),
        ]
    return Read(records, dataset._report.counts)


def _read_aariz(file: Path) -> Read:
    points = _read_landmarks(file, 'annotations')
    found = [
        row for row in enumerate(points.tolist()) if row[1][0] == row[1][0]
    ]
    # a landmark that is not marked is counted where records are made
    missing = len(points) - len(found)
    return Read(dict(found), dict(missing=missing))


def _read_cl(file: Path) -> Read:
    labels = _read_labels(file, 2)
    return Read(
        {
            f'{number}/{name}': [float(v) for v in entry['point']]
            for number, entries in labels.items()
            for name, entry in entries.items()
        },
        dict(missing=76 - sum(map(len, labels.values()))),
    )


def _read_pandas(file: Path) -> Read:
    report = make_report(file)
    schema = get_schema('document19')
    records = {
        record.image_path: [
            record.keypoints_px[record.visible > 0].tolist(),
            record.visible.tolist(),
        ]
        for record in read_pandas_json(file, schema, report, (2, 2))
    }
    return Read(records, report.counts)


def _read_rulers(file: Path) -> Read:
    sizes = read_rulers(file, (100, 100))
    return Read(
        {k: list(v) for k, v in sizes.items()}, dict(missing=3 - len(sizes))
    )


def _read_request(file: Path) -> Read:
    from cape_mm.apis.inputs.images import check_keypoints, clip_box

    request = read_request(str(file), image_root=str(file.parent))
    records = {}
    for part in ('supports', 'queries'):
        for number, member in enumerate(getattr(request, part)):
            name = f'{file.name}: {part} {number}'
            points = member.keypoints
            if points is not None:
                points = check_keypoints(points, name).tolist()
            box = clip_box(member.box, (60, 40), name).tolist()
            records[part, number] = [Path(member.image).name, points, box]
    dropped = 3 - len(request.supports) - len(request.queries)
    return Read(records, dict(dropped=dropped))


def _read_tools(file: Path) -> Read:
    report = AnnotationReport(str(file), problems=REPAIRS)
    annotations = read_annotations(
        [file], report, image_root=file.parent, category='mug'
    )
    records = {
        (image.name, number): [
            instance.keypoints.tolist(),
            instance.box.tolist(),
        ]
        for image in annotations.images
        for number, instance in enumerate(image.instances)
    }
    return Read(records, report.counts)
