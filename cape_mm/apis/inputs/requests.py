# Copyright (c) cape_mm contributors. All rights reserved.
"""Requests: supports and queries of a user, from a JSON file."""

from __future__ import annotations

import json
import os.path as osp
from dataclasses import dataclass, field
from typing import Sequence

import numpy as np

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import DataError


@dataclass
class RequestMember:
    """One image.

    Attributes:
        image (str): Path.
        keypoints (list, optional): K entries ``[x, y]``, ``[x, y, v]`` or
            None, in pixels. A query may have them to be compared with.
        box (list[float], optional): x1, y1, x2, y2 in pixels.
    """

    image: str
    keypoints: list | None = None
    box: list[float] | None = None


@dataclass
class EpisodeRequest:
    """Annotated supports and queries of one category.

    Attributes:
        supports (list[RequestMember]): Images with keypoints.
        queries (list[RequestMember]): Images to find the same keypoints on.
        category_name (str): Name in visualizations.
        keypoint_names (list[str], optional): K names.
        skeleton (list[list[int]]): Pairs of keypoint indices, 0-based.
    """

    supports: list[RequestMember] = field(default_factory=list)
    queries: list[RequestMember] = field(default_factory=list)
    category_name: str = 'object'
    keypoint_names: list[str] | None = None
    skeleton: list[list[int]] = field(default_factory=list)


def read_request(
    path: str,
    image_root: str | None = None,
    category_id: int | None = None,
    support_ids: Sequence[int] | None = None,
    query_ids: Sequence[int] | None = None,
) -> EpisodeRequest:
    """Read a request, or make one of an annotation file of MP-100.

    A request is a JSON object with the keys ``category``, ``keypoint_names``,
    ``skeleton`` (all optional), ``supports`` and ``queries``: lists of
    objects with ``image``, ``keypoints`` and ``box``, see
    :class:`RequestMember`.

    A file with the key ``annotations`` is read by :class:`MP100Dataset`. The
    first annotation of the category is the support, the others are queries,
    unless ids are given.

    Args:
        path (str): The JSON file.
        image_root (str, optional): Folder of the images. Defaults to the
            folder of the file; for MP-100 to ``images`` beside the folder of
            the file.
        category_id (int, optional): MP-100 only. Defaults to that of the
            first support, else to the first one with annotations.
        support_ids (Sequence[int], optional): MP-100 only: annotation ids.
        query_ids (Sequence[int], optional): MP-100 only: annotation ids.

    Returns:
        EpisodeRequest: The request.

    Raises:
        FileNotFoundError: If the file or an image of MP-100 does not exist.
        DataError: If the file has another form.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'there is no file {path!r}')
    with open(path, encoding='utf-8') as file:
        try:
            content = json.load(file)
        except ValueError as error:
            raise DataError(f'{path} is no valid JSON: {error}') from None
    if isinstance(content, dict) and 'annotations' in content:
        if image_root is None:
            folder = osp.dirname(osp.dirname(osp.abspath(path)))
            image_root = osp.join(folder, 'images')
        dataset = MP100Dataset(ann_file=path, data_prefix=dict(img=image_root))
        return _from_dataset(dataset, category_id, support_ids, query_ids)
    if image_root is None:
        image_root = osp.dirname(path)
    return _from_content(content, path, image_root)


def _from_content(
    content: object, path: str, image_root: str
) -> EpisodeRequest:
    known = {'category', 'keypoint_names', 'skeleton', 'supports', 'queries'}
    if not isinstance(content, dict) or set(content) - known:
        raise DataError(
            f'{path} must hold an object with the keys {sorted(known)}'
        )
    members: dict[str, list[RequestMember]] = {}
    for part in ('supports', 'queries'):
        members[part] = []
        for number, entry in enumerate(content.get(part) or []):
            where = f'{path}: entry {number} of {part}'
            if not isinstance(entry, dict) or 'image' not in entry:
                raise DataError(f'{where} is no object with an `image`')
            unknown = set(entry) - {'image', 'keypoints', 'box'}
            if unknown:
                raise DataError(f'{where} has unknown keys {unknown}')
            entry = dict(entry, image=osp.join(image_root, entry['image']))
            members[part].append(RequestMember(**entry))
            if part == 'supports' and not entry.get('keypoints'):
                raise DataError(f'{where} has no keypoints')
    return EpisodeRequest(
        category_name=str(content.get('category', 'object')),
        keypoint_names=content.get('keypoint_names'),
        skeleton=content.get('skeleton') or [],
        **members,
    )


def _from_dataset(
    dataset: MP100Dataset,
    category_id: int | None,
    support_ids: Sequence[int] | None,
    query_ids: Sequence[int] | None,
) -> EpisodeRequest:
    instances = [dataset.get_data_info(i) for i in range(len(dataset))]
    by_id = {info['id']: info for info in instances}
    if support_ids:
        supports = [_find(by_id, number, dataset) for number in support_ids]
        category_id = supports[0]['category_id']
    else:
        if category_id is None:
            category_id = instances[0]['category_id']
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
    category = dataset.categories[category_id]
    return EpisodeRequest(
        supports=[_to_member(info) for info in supports],
        queries=[_to_member(info) for info in queries],
        category_name=category.name,
        keypoint_names=list(category.keypoint_names),
        skeleton=[list(edge) for edge in category.skeleton],
    )


def _find(by_id: dict[int, dict], number: int, dataset: MP100Dataset) -> dict:
    if number not in by_id:
        raise DataError(
            f'{dataset.ann_file} has no usable annotation {number}; the '
            f'first ones are {sorted(by_id)[:10]}'
        )
    return by_id[number]


def _to_member(info: dict) -> RequestMember:
    visible = info['keypoints_visible'][0, :, None]
    points = np.concatenate([info['keypoints'][0], visible], axis=1)
    return RequestMember(
        image=info['img_path'],
        keypoints=points.tolist(),
        box=info['bbox'][0].tolist(),
    )
