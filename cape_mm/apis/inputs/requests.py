# Copyright (c) cape_mm contributors. All rights reserved.
"""Requests of a user, read from files."""

from __future__ import annotations

import os
import os.path as osp
import warnings
from pathlib import Path
from typing import Any, Sequence

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    read_annotations,
    recognise_format,
)
from cape_mm.datasets.formats.annotation_tools.predictions import given_box
from cape_mm.datasets.formats.image_check import loaded_size
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.json_values import read_json
from cape_mm.errors import DataError, shorten

from .arguments import require
from .episode_request import EpisodeRequest, RequestMember

#: Types of the values of a request, and of a member of it.
_REQUEST = dict(
    category=str,
    keypoint_names=list,
    skeleton=list,
    flip_pairs=list,
    supports=list,
    queries=list,
)
_MEMBER = dict(image=str, keypoints=list, box=list)


def read_request(
    path: str,
    image_root: str | None = None,
    category: int | str | None = None,
    support_ids: Sequence[int] | None = None,
    query_ids: Sequence[int] | None = None,
    allow_outside: bool = False,
) -> EpisodeRequest:
    """Read a request, or make one of predictions or annotations.

    A request is a JSON object with the keys ``category``, ``keypoint_names``,
    ``skeleton``, ``flip_pairs`` (all optional), ``supports`` and ``queries``:
    lists of objects with ``image``, ``keypoints`` and ``box``, see
    :class:`RequestMember`.

    ``predictions.json`` is the request that it answers. With ``support_ids``
    its predictions on those queries are the supports.

    A file with the key ``annotations`` is read by :class:`MP100Dataset`,
    anything else by :func:`read_annotations`, such as COCO results beside
    their COCO file. The first annotation of the category is the support, the
    others are queries, unless ids are given.

    Args:
        path (str): The file, or a folder of an annotation tool.
        image_root (str, optional): Folder of the images. Defaults to the
            folder of the file; for MP-100 to ``images`` beside the folder of
            the file.
        category (int | str, optional): Id or name of a category of
            annotations. Defaults to that of the first support, else to the
            first one with annotations.
        support_ids (Sequence[int], optional): Ids of annotations in MP-100
            layout, numbers of queries in predictions (from 0) or of instances
            in other annotations (from 1, in the order of the file).
        query_ids (Sequence[int], optional): The same for queries.
        allow_outside (bool): Whether a request or a file in MP-100 layout may
            name images outside of ``image_root``; only for files that you
            trust. Defaults to False.

    Returns:
        EpisodeRequest: The request.

    Raises:
        FileNotFoundError: If the file or an image of MP-100 does not exist.
        DataError: If the file has another form.
    """
    require('path', path=path)
    path = os.fspath(path)
    if not osp.exists(path):
        raise FileNotFoundError(f'there is no file {path!r}')
    chosen = (category, support_ids, query_ids)
    is_json = path.lower().endswith('.json') and osp.isfile(path)
    content = read_json(path) if is_json else None
    if isinstance(content, dict) and 'annotations' in content:
        if image_root is None:
            image_root = str(Path(path).absolute().parents[1] / 'images')
        kwargs = dict(data_prefix=dict(img=image_root))
        dataset = MP100Dataset(path, allow_outside=allow_outside, **kwargs)
        return _from_dataset(dataset, *chosen)
    format = recognise_format(Path(path)) if is_json else None
    if format == 'predictions':
        return _from_predictions(content, path, support_ids, query_ids)
    if is_json and format is None:
        if image_root is None:
            image_root = osp.dirname(path)
        return _from_content(content, path, image_root, allow_outside)
    return _from_annotations(path, image_root, *chosen)


def _from_content(
    content: object, path: str, image_root: str, allow_outside: bool
) -> EpisodeRequest:
    if not isinstance(content, dict):
        raise DataError(
            f'{path} must hold an object with lists `supports` and `queries`'
        )
    _check_keys(content, _REQUEST, path)
    _check_types(content, _REQUEST, path)
    members: dict[str, list[RequestMember]] = {}
    for part in ('supports', 'queries'):
        members[part] = []
        for number, entry in enumerate(content.get(part) or []):
            where = f'{path}: entry {number} of {part}'
            if not isinstance(entry, dict) or 'image' not in entry:
                raise DataError(f'{where} is no object with an `image`')
            _check_keys(entry, _MEMBER, where)
            _check_types(entry, _MEMBER, where)
            names = [entry['image']]
            check_image_names(names, image_root, where, allow_outside)
            entry = dict(entry, image=osp.join(image_root, entry['image']))
            members[part].append(RequestMember(**entry))
            if part == 'supports' and not entry.get('keypoints'):
                raise DataError(f'{where} has no keypoints')
    return EpisodeRequest(
        category_name=str(content.get('category', 'object')),
        keypoint_names=content.get('keypoint_names'),
        skeleton=content.get('skeleton') or [],
        flip_pairs=content.get('flip_pairs'),
        **members,
    )


def _check_keys(entry: dict, known: dict[str, Any], where: str) -> None:
    """Refuse keys that have no meaning."""
    for key in entry:
        if key not in known:
            raise DataError(
                f'{where}: the key {key!r} is unknown; there are '
                f'{", ".join(known)}'
            )


def _check_types(entry: dict, types: dict[str, Any], where: str) -> None:
    """Refuse values of an object that have another type."""
    names = {str: 'text', list: 'a list'}
    for key, kind in types.items():
        if not isinstance(entry.get(key), (kind, type(None))):
            found = shorten(entry[key])
            raise DataError(f'{where}: {key} is {found}, not {names[kind]}')


def _from_predictions(
    content: dict,
    path: str,
    support_ids: Sequence[int] | None,
    query_ids: Sequence[int] | None,
) -> EpisodeRequest:
    """The request that predictions answer, or one from some of them."""
    _check_types(content, _REQUEST, path)
    entries = content['queries']
    supports = content.get('supports') or []
    for part, members in (('supports', supports), ('queries', entries)):
        for number, entry in enumerate(members):
            where = f'{path}: entry {number} of {part}'
            if not isinstance(entry, dict) or not entry.get('image'):
                raise DataError(f'{where} is no object with an `image`')
            _check_types(entry, _MEMBER, where)

    def choose(numbers: Sequence[int]) -> list[dict]:
        for number in numbers:
            if not 0 <= number < len(entries):
                raise DataError(
                    f'{path} has no query {number}, there are '
                    f'{len(entries)}, counted from 0'
                )
        return [entries[number] for number in numbers]

    if support_ids:
        supports = choose(support_ids)
    if query_ids is None:
        used = set(support_ids or ())
        query_ids = [n for n in range(len(entries)) if n not in used]
    return EpisodeRequest(
        supports=[
            RequestMember(
                entry['image'], entry.get('keypoints'), entry.get('box')
            )
            for entry in supports
        ],
        queries=[
            RequestMember(
                entry['image'],
                box=given_box(entry.get('box'), loaded_size(entry['image'])),
                image_id=entry.get('image_id'),
            )
            for entry in choose(query_ids)
        ],
        category_name=str(content.get('category', 'object')),
        keypoint_names=content.get('keypoint_names'),
        skeleton=content.get('skeleton') or [],
        flip_pairs=content.get('flip_pairs'),
        category_id=content.get('category_id'),
    )


def _from_annotations(
    path: str,
    image_root: str | None,
    chosen: int | str | None,
    support_ids: Sequence[int] | None,
    query_ids: Sequence[int] | None,
) -> EpisodeRequest:
    """Supports and queries from the file of an annotation tool."""
    report = AnnotationReport(path, problems=REPAIRS)
    annotations = read_annotations(
        [Path(path)],
        report,
        image_root=None if image_root is None else Path(image_root),
    )
    if report:
        warnings.warn(str(report), stacklevel=3)
    pairs = [
        (i, image) for image in annotations.images for i in image.instances
    ]
    numbered = dict(enumerate(pairs, start=1))
    for number in (*(support_ids or ()), *(query_ids or ())):
        if number not in numbered:
            raise DataError(
                f'{path} has no usable instance {number}, there are '
                f'{len(numbered)}, counted from 1'
            )
    if chosen is None:
        first = support_ids[0] if support_ids else 1
        chosen = numbered[first][0].category_id
    category_id = _find_category(annotations.categories, chosen, path)
    same = [n for n, p in numbered.items() if p[0].category_id == category_id]
    supports = list(support_ids or same[:1])
    if query_ids is None:
        query_ids = [n for n in same if n not in supports]
    for number in (*supports, *query_ids):
        if number not in same:
            raise DataError(
                f'instance {number} of {path} is not of category '
                f'{annotations.categories[category_id]}'
            )
    category = annotations.categories[category_id]
    members = {
        n: RequestMember(
            str(image.path),
            instance.keypoints.tolist(),
            instance.box.tolist(),
            image.image_id,
        )
        for n, (instance, image) in numbered.items()
    }
    frames = [n for n in (*supports, *query_ids) if numbered[n][1].read_pixels]
    if frames:
        raise DataError(
            f'{path} has frames of videos: write them with '
            'tools/dataset_converters/import_annotations.py first'
        )
    return EpisodeRequest.from_category(
        category,
        [members[n] for n in supports],
        [members[n] for n in query_ids],
    )


def _from_dataset(
    dataset: MP100Dataset,
    chosen: int | str | None,
    support_ids: Sequence[int] | None,
    query_ids: Sequence[int] | None,
) -> EpisodeRequest:
    instances = [dataset.get_data_info(i) for i in range(len(dataset))]
    by_id = {info['id']: info for info in instances}
    if support_ids:
        supports = [_find(by_id, number, dataset) for number in support_ids]
        category_id = supports[0]['category_id']
    else:
        if chosen is None:
            chosen = instances[0]['category_id']
        category_id = _find_category(
            dataset.categories, chosen, dataset.ann_file
        )
        dataset.find_instance(category_id, 0)  # names those that there are
        supports = []
    same = [info for info in instances if info['category_id'] == category_id]
    supports = supports or same[:1]
    if query_ids is not None:
        queries = [_find(by_id, number, dataset) for number in query_ids]
    else:
        used = {info['id'] for info in supports}
        queries = [info for info in same if info['id'] not in used]
    for info in (*supports, *queries):
        if info['category_id'] != category_id:
            raise DataError(
                f'annotation {info["id"]} is of category '
                f'{info["category_id"]}, the first support of {category_id}'
            )
    return EpisodeRequest.from_category(
        dataset.categories[category_id],
        map(RequestMember.from_instance, supports),
        map(RequestMember.from_instance, queries),
    )


def _find_category(
    categories: dict[int, Any], chosen: int | str, path: str
) -> int:
    """Id of the category with this id or name."""
    for key, category in categories.items():
        if str(chosen) in (str(key), category.name):
            return key
    names = ', '.join(map(str, categories.values()))
    raise DataError(f'{path} has no category {chosen!r}, only {names}')


def _find(by_id: dict[int, dict], number: int, dataset: MP100Dataset) -> dict:
    if number not in by_id:
        raise DataError(
            f'{dataset.ann_file} has no usable annotation {number}; the '
            f'first ones are {sorted(by_id)[:10]}'
        )
    return by_id[number]
