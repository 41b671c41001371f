# Copyright (c) cape_mm contributors. All rights reserved.
"""Missing images of MP-100 in downloads of its source datasets.

A downloaded image is proven to be the annotated one if every annotation of the
image is found among the original annotations of the candidate (the same
labelled keypoints, at least three; or the same box, number of keypoints and
non-empty outline); the file has exactly the annotated size; and no other
candidate, unless it is the same file byte for byte, has these properties.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

import numpy as np

from cape_mm.datasets.formats.image_check import loaded_size
from cape_mm.datasets.formats.image_paths import check_image_names

from ..json_values import read_json

_MIN_KEYPOINTS = 3
_TOLERANCE_PX = 0.01  # files round differently
_FASHION_FOLDERS = ('train', 'validation', 'val', 'test')
_SOURCE_BY_ID = {18: 'AFLW', 40: '300W'}  # both are called face
_SOURCES = {
    'COCO': 'person',
    'OneHand10K': 'hand',
    'MacaquePose': 'macaque',
    'DeepPoseKit': 'locust fly',
    'CarFusion': 'bus car suv',
    'Keypoint-5': 'bed chair sofa swivelchair table',
    'DeepFashion2': 'skirt sling_dress vest_dress sling short_sleeved_shirt '
    'short_sleeved_dress vest long_sleeved_dress trousers shorts '
    'long_sleeved_outwear short_sleeved_outwear long_sleeved_shirt',
    'CUB-200': 'woodpecker wren gull kingfisher sparrow tern grebe warbler',
}
_SOURCE_BY_NAME = {
    name: source
    for source, names in _SOURCES.items()
    for name in names.split()
}


class Candidate(NamedTuple):
    """A downloaded image with its original annotations, as far as known."""

    path: Path
    annotations: list[dict]


def source_of(image: dict, category: dict) -> str:
    """Name the dataset that an image comes from, by a category in it."""
    if image.get('source'):
        return str(image['source'])
    name = str(category['name']).lower()
    if name == 'face':
        return _SOURCE_BY_ID.get(category['id'], 'unknown')
    if name.endswith('_body'):
        return 'AP-10K'
    if name.endswith('_face'):
        return 'AnimalWeb'
    return _SOURCE_BY_NAME.get(name, 'unknown')


def find_matches(
    contents: Sequence[dict],
    states: dict[str, str],
    image_root: Path,
    carfusion: Path | None = None,
    deepfashion2: Path | None = None,
) -> tuple[list[dict], list[dict]]:
    """Proven and unproven matches, elsewhere, of images that are not right.

    A proven one has ``file_name``, path ``found`` and ``proof``; the others
    that were searched for have ``file_name`` and ``reason``. ``carfusion``
    holds ``annotations/*.json``, ``train/`` and ``test/``; ``deepfashion2``
    holds ``train/{image,annos}`` and so on. In ``image_root``, names that
    differ in upper and lower case only are found.
    """
    cars = _read_carfusion(carfusion) if carfusion else None
    results = []
    for image, anns, source in _bad_images(contents, states):
        result = _find_by_case(image, image_root)
        if result is None and source == 'CarFusion' and cars is not None:
            boxes = [tuple(ann.get('bbox') or ()) for ann in anns]
            like = {c.path: c for box in boxes for c in cars.get(box, ())}
            result = prove(image, anns, list(like.values()))
        elif result is None and source == 'DeepFashion2' and deepfashion2:
            candidates = _fashion_named(image['file_name'], deepfashion2)
            result = prove(image, anns, candidates)
        if result is not None:
            results.append(dict(file_name=image['file_name'], **result))
    return (
        [result for result in results if 'proof' in result],
        [result for result in results if 'reason' in result],
    )


def copy_proven(report: dict) -> list[str]:
    """Copy proven images to their annotated names; a line per image.

    Entries of the report of :func:`check_copy` get ``copied``.
    """
    lines = []
    names = [entry['file_name'] for entry in report['proven']]
    # whatever may be read from elsewhere, nothing is written there
    check_image_names(names, report['images'], report['annotations'])
    for entry in report['proven']:
        target = Path(report['images'], entry['file_name'])
        # A file of another size is somebody's work, if wrong: not ours.
        entry['copied'] = not target.exists()
        if entry['copied']:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(entry['found'], target)
            lines.append(f'copied {entry["found"]} -> {target}')
        else:
            lines.append(
                f'NOT copied: {target} exists with another size; move it away'
            )
    return lines


def prove(
    image: dict, annotations: Sequence[dict], candidates: Sequence[Candidate]
) -> dict[str, str]:
    """``found`` and ``proof`` of the annotated image, or a ``reason``."""
    if not candidates:
        return dict(reason='no candidate')
    if not annotations:
        return dict(reason='no annotation to compare')
    same = [
        candidate
        for candidate in candidates
        if all(
            any(
                is_same_instance(ann, other) for other in candidate.annotations
            )
            for ann in annotations
        )
    ]
    if not same:
        return dict(
            reason=f'{len(candidates)} candidate(s), other annotations'
        )
    like = f'annotated like {same[0].path}'
    present = [c for c in same if c.path.is_file()]
    if not present:
        return dict(reason=f'{like}, which does not exist')
    size = (image['width'], image['height'])
    fitting = [c.path for c in present if loaded_size(c.path) == size]
    if not fitting:
        return dict(reason=f'{like}, which has another size')
    if len({path.read_bytes() for path in fitting}) > 1:
        listed = ', '.join(map(str, fitting[:3]))
        return dict(reason=f'{len(fitting)} different images fit: {listed}')
    return dict(
        found=str(fitting[0]),
        proof=f'same annotations ({len(annotations)}), size {size[0]} x '
        f'{size[1]}, no other fits ({len(candidates)} compared)',
    )


def is_same_instance(ours: dict, theirs: dict) -> bool:
    """Whether two annotations, of MP-100 and of a source, are proven equal."""
    mine, yours = _read_keypoints(ours), _read_keypoints(theirs)
    if mine is not None and yours is not None and mine.shape == yours.shape:
        labelled = mine[:, 2] > 0
        equal = np.array_equal(labelled, yours[:, 2] > 0)
        if equal and labelled.sum() >= _MIN_KEYPOINTS:
            distance = np.abs(mine - yours)[labelled, :2]
            return bool(distance.max() <= _TOLERANCE_PX)
    outline = ours.get('segmentation')
    return bool(
        outline
        and outline == theirs.get('segmentation')
        and ours.get('bbox')
        and ours['bbox'] == theirs.get('bbox')
        and ours.get('num_keypoints') == theirs.get('num_keypoints')
    )


def _read_keypoints(ann: dict) -> np.ndarray | None:
    """Keypoints (K, 3), x, y, v in original pixels; None without."""
    flat = ann.get('keypoints')
    if not flat or len(flat) % 3:
        return None
    return np.array(flat, dtype=np.float64).reshape(-1, 3)


def join_annotations(
    content: dict[str, list[dict]],
) -> Iterator[tuple[dict, dict, dict]]:
    """Annotations with their image and category, if both are listed."""
    images = {image['id']: image for image in content['images']}
    categories = {entry['id']: entry for entry in content['categories']}
    for ann in content['annotations']:
        image = images.get(ann['image_id'])
        category = categories.get(ann['category_id'])
        if image is not None and category is not None:
            yield ann, image, category


def _bad_images(
    contents: Sequence[dict], states: dict[str, str]
) -> Iterator[tuple[dict, list[dict], str]]:
    """Images that are not right, with all annotations of any file."""
    images: dict[str, dict] = {}
    # an image is in many files; each of its annotations counts once
    annotations: dict[str, dict[str, dict]] = defaultdict(dict)
    sources: dict[str, str] = {}
    for content in contents:
        for image in content['images']:
            images.setdefault(image['file_name'], image)
        for ann, image, category in join_annotations(content):
            name = image['file_name']
            key = json.dumps([ann.get('bbox'), ann.get('keypoints')])
            annotations[name][key] = ann
            sources[name] = source_of(image, category)
    for name in sorted(images):
        if states[name] != 'ok':
            found = [*annotations[name].values()]
            yield images[name], found, sources.get(name, '')


def _find_by_case(image: dict, image_root: Path) -> dict[str, str] | None:
    """The same name in the same folder, but for upper and lower case."""
    path = image_root / image['file_name']
    if path.exists() or not path.parent.is_dir():
        return None
    name = path.name.lower()
    found = [p for p in path.parent.iterdir() if p.name.lower() == name]
    if not found:
        return None
    if len(found) > 1:
        return dict(reason='several files differ in case only')
    if loaded_size(found[0]) != (image['width'], image['height']):
        return dict(reason=f'{found[0]} has another size')
    proof = 'same folder and name but for upper and lower case, same size'
    return dict(found=str(found[0]), proof=proof)


def _read_carfusion(root: Path) -> dict[tuple, list[Candidate]]:
    """Images of the download by the boxes in them."""
    files = sorted((root / 'annotations').glob('*.json'))
    if not files:
        raise FileNotFoundError(
            f'no annotations/*.json in {root}: give the folder of the '
            'CarFusion download that holds annotations, train and test'
        )
    by_box: dict[tuple, list[Candidate]] = defaultdict(list)
    for file in files:
        content = read_json(file)
        folder = root / ('test' if 'test' in file.name else 'train')
        names = (image['file_name'] for image in content['images'])
        check_image_names(names, folder, file)
        candidates = {
            image['id']: Candidate(folder / image['file_name'], [])
            for image in content['images']
        }
        for ann in content['annotations']:
            candidate = candidates.get(ann['image_id'])
            if candidate is not None and ann.get('bbox'):
                candidate.annotations.append(ann)
                by_box[tuple(ann['bbox'])].append(candidate)
    return by_box


def _fashion_named(file_name: str, root: Path) -> list[Candidate]:
    """Images of the same name in the folders of DeepFashion2."""
    candidates = []
    for folder in _FASHION_FOLDERS:
        for images in ('image', 'images'):
            path = root / folder / images / Path(file_name).name
            if not path.is_file():
                continue
            annos = root / folder / 'annos' / f'{path.stem}.json'
            content = read_json(annos) if annos.is_file() else {}
            annotations = [
                dict(keypoints=entry.get('landmarks'))
                for entry in content.values()
                if isinstance(entry, dict)
            ]
            candidates.append(Candidate(path, annotations))
    return candidates
