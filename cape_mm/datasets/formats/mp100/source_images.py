# Copyright (c) cape_mm contributors. All rights reserved.
"""Candidates for missing images, from downloads with other names."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Iterator, Sequence

from cape_mm.datasets.formats.image_check import loaded_size
from cape_mm.errors import DataError

from .proven_match import Candidate, Match, Unproven, prove
from .source_names import source_of

_FASHION_FOLDERS = ('train', 'validation', 'val', 'test')


def find_matches(
    contents: Sequence[dict],
    states: dict[str, str],
    image_root: Path,
    carfusion: Path | None = None,
    deepfashion2: Path | None = None,
) -> tuple[list[Match], list[Unproven]]:
    """Look for images that are missing, or of another size, elsewhere.

    Args:
        contents (Sequence[dict]): Loaded annotation files.
        states (Dict[str, str]): From :func:`check_images`.
        image_root (Path): Folder of the images, where names that differ
            in upper and lower case only are found.
        carfusion (Path, optional): Download of CarFusion with
            ``annotations/*.json``, ``train/``, ``test/``.
        deepfashion2 (Path, optional): Download of DeepFashion2 with
            ``train/{image,annos}`` and so on.

    Returns:
        tuple:
        - matches (List[Match]): Proven ones.
        - unproven (List[Unproven]): The others that were looked for.
    """
    cars = _read_carfusion(carfusion) if carfusion else None
    matches, unproven = [], []
    for image, records, source in _wanted(contents, states):
        result = _find_by_case(image, image_root)
        if result is None and source == 'CarFusion' and cars is not None:
            result = prove(image, records, _cars_like(records, cars))
        elif result is None and source == 'DeepFashion2' and deepfashion2:
            candidates = _fashion_named(image['file_name'], deepfashion2)
            result = prove(image, records, candidates)
        if isinstance(result, Match):
            matches.append(result)
        elif result is not None:
            unproven.append(result)
    return matches, unproven


def _wanted(
    contents: Sequence[dict], states: dict[str, str]
) -> Iterator[tuple[dict, list[dict], str]]:
    """Images that are not right, with all annotations of any file."""
    images: dict[str, dict] = {}
    # an image is in many files; each of its annotations counts once
    annotations: dict[str, dict[str, dict]] = defaultdict(dict)
    sources: dict[str, str] = {}
    for content in contents:
        categories = {c['id']: c for c in content['categories']}
        by_id = {image['id']: image for image in content['images']}
        for image in content['images']:
            images.setdefault(image['file_name'], image)
        for ann in content['annotations']:
            image = by_id.get(ann['image_id'])
            category = categories.get(ann['category_id'])
            if image is not None and category is not None:
                name = image['file_name']
                key = json.dumps([ann.get('bbox'), ann.get('keypoints')])
                annotations[name][key] = ann
                sources[name] = source_of(image, category)
    for name in sorted(images):
        if states[name] != 'ok':
            yield (
                images[name],
                [*annotations[name].values()],
                sources.get(name, ''),
            )


def _find_by_case(image: dict, image_root: Path) -> Match | Unproven | None:
    """The same name in the same folder, but for upper and lower case."""
    path = image_root / image['file_name']
    if path.exists() or not path.parent.is_dir():
        return None
    wanted = path.name.lower()
    found = [p for p in path.parent.iterdir() if p.name.lower() == wanted]
    if not found:
        return None
    if len(found) > 1:
        return Unproven(
            image['file_name'], 'several files differ in case only'
        )
    if loaded_size(found[0]) != (image['width'], image['height']):
        return Unproven(image['file_name'], f'{found[0]} has another size')
    return Match(
        image['file_name'],
        found[0],
        'same folder and name but for upper and lower case, same size',
    )


def _read_carfusion(root: Path) -> dict[tuple, list[Candidate]]:
    """Images by the boxes in them."""
    files = sorted((root / 'annotations').glob('*.json'))
    if not files:
        raise FileNotFoundError(
            f'no annotations/*.json in {root}: give the folder of the '
            'CarFusion download that holds annotations, train and test'
        )
    by_box: dict[tuple, list[Candidate]] = defaultdict(list)
    for file in files:
        content = _read_json(file)
        folder = root / ('test' if 'test' in file.name else 'train')
        candidates = {
            image['id']: Candidate(folder / image['file_name'], [])
            for image in content['images']
        }
        for ann in content['annotations']:
            candidate = candidates.get(ann['image_id'])
            if candidate is not None and ann.get('bbox'):
                candidate.objects.append(ann)
                by_box[tuple(ann['bbox'])].append(candidate)
    return by_box


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f'{path} is no valid JSON: {error}') from error


def _cars_like(
    annotations: Sequence[dict], cars: dict[tuple, list[Candidate]]
) -> list[Candidate]:
    """Images that hold one of the boxes, each once."""
    found = {}
    for ann in annotations:
        for candidate in cars.get(tuple(ann.get('bbox') or ()), []):
            found[candidate.path] = candidate
    return list(found.values())


def _fashion_named(file_name: str, root: Path) -> list[Candidate]:
    """Images of the same name in the folders of DeepFashion2."""
    candidates = []
    for folder in _FASHION_FOLDERS:
        for images in ('image', 'images'):
            path = root / folder / images / Path(file_name).name
            if not path.is_file():
                continue
            annos = root / folder / 'annos' / f'{path.stem}.json'
            items: dict[str, dict] = {}
            if annos.is_file():
                items = _read_json(annos)
            objects = [
                dict(keypoints=item.get('landmarks'))
                for item in items.values()
                if isinstance(item, dict)
            ]
            candidates.append(Candidate(path, objects))
    return candidates
