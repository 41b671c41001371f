# Copyright (c) cape_mm contributors. All rights reserved.
"""Writer of a folder in MP-100 layout."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cape_mm.errors import DataError

from .annotations import (
    AnnotatedImage,
    Annotations,
    write_image,
)


def to_coco(
    annotations: Annotations,
    images: Sequence[AnnotatedImage] | None = None,
    keep_ids: bool = False,
) -> dict[str, list[dict]]:
    """Make the content of a COCO file, as MP-100 has it.

    Ids count from 1, those of categories are kept. Skeletons are 0-based;
    COCO's own count from 1.

    Args:
        annotations (Annotations): Images and categories.
        images (Sequence[AnnotatedImage], optional): Those of the file, their
            sizes known. Defaults to all.
        keep_ids (bool): Whether images and categories keep the ids of the
            COCO file that they come from, if each has one of its own.
            Defaults to False.

    Returns:
        dict[str, list[dict]]: ``images``, ``annotations``, ``categories``.
    """
    content: dict[str, list[dict]] = dict(
        images=[], annotations=[], categories=[]
    )
    new_ids = {key: key for key in annotations.categories}
    known_ids = annotations.source_ids
    if keep_ids and len({*known_ids.values()}) == len(new_ids):
        new_ids = known_ids
    for category in annotations.categories.values():
        content['categories'].append(
            dict(
                id=new_ids[category.id],
                name=category.name,
                supercategory=category.supercategory,
                keypoints=list(category.keypoint_names),
                skeleton=[list(edge) for edge in category.skeleton],
            )
        )
        if category.flip_pairs is not None:
            pairs = [list(pair) for pair in category.flip_pairs]
            content['categories'][-1]['flip_pairs'] = pairs
    chosen = annotations.images if images is None else images
    ids = [image.image_id for image in chosen]
    if not keep_ids or None in ids or len(set(ids)) < len(ids):
        ids = list(range(1, len(chosen) + 1))
    for image_id, image in zip(ids, chosen):
        width, height = image.size
        content['images'].append(
            dict(id=image_id, file_name=image.name, width=width, height=height)
        )
        for instance in image.instances:
            box = instance.box_on(image.size)
            x, y, w, h = _rounded([*box[:2], *(box[2:] - box[:2])])
            labelled = instance.keypoints[:, 2] > 0
            keypoints = np.where(labelled[:, None], instance.keypoints, 0)
            entry: dict[str, Any] = dict(
                id=len(content['annotations']) + 1,
                image_id=image_id,
                category_id=new_ids[instance.category_id],
                bbox=[x, y, w, h],
                area=round(w * h, 3),
                iscrowd=0,
                num_keypoints=int(labelled.sum()),
                keypoints=[
                    number
                    for x, y, v in keypoints
                    for number in (*_rounded([x, y]), int(v))
                ],
            )
            if instance.score is not None:
                entry['score'] = float(instance.score)
            if instance.keypoint_scores is not None:
                entry['keypoint_scores'] = _rounded(
                    instance.keypoint_scores, 6
                )
            if instance.track_id is not None:
                entry['track_id'] = int(instance.track_id)
            content['annotations'].append(entry)
    return content


def write_mp100_folder(
    annotations: Annotations,
    out_dir: Path,
    val_share: float = 0.2,
    seed: int = 0,
    link: bool = True,
) -> list[str]:
    """Write ``annotations/train.json``, ``val.json`` and ``images/``.

    The split is by image and the same for the same images and seed; images
    that are equal byte for byte come into one part. It is made within the
    rarest category of each image, with at least one of two images for
    ``val.json``.

    Args:
        annotations (Annotations): Images with their sizes, and categories.
        out_dir (Path): Folder to write to.
        val_share (float): Share of the images in ``val.json``, in [0, 1);
            with 0 there is no such file. Defaults to 0.2.
        seed (int): Seed of the split. Defaults to 0.
        link (bool): Whether to make symbolic links to the images instead of
            copies. Frames of videos are written as PNG. Defaults to True.

    Returns:
        list[str]: Summary of each file.

    Raises:
        FileExistsError: If there is an annotation file already, or another
            image of a name.
        DataError: If there is no instance, or ``val_share`` is no share.
    """
    if not 0 <= val_share < 1:
        raise DataError(f'the validation share is {val_share}, not in [0, 1)')
    if not annotations.num_instances:
        raise DataError('there is no usable instance to write')
    folder = out_dir / 'annotations'
    there = sorted(folder.glob('*.json'))
    if there:
        raise FileExistsError(
            f'{there[0]} is there already: move it away, or choose another '
            'folder'
        )
    digests = []
    for image in annotations.images:
        target = out_dir / 'images' / image.name
        digests.append(write_image(image, target, link))
    parts = split_by_image(annotations.images, digests, val_share, seed)
    folder.mkdir(parents=True, exist_ok=True)
    summaries = []
    for part, indices in parts.items():
        if not indices:
            continue
        images = [annotations.images[index] for index in indices]
        content = to_coco(annotations, images)
        path = folder / f'{part}.json'
        path.write_text(
            json.dumps(content, allow_nan=False) + '\n', encoding='utf-8'
        )
        summaries.append(
            f'{path}: {len(images)} images, {len(content["annotations"])} '
            f'instances, {len(annotations.categories)} categories'
        )
    return summaries


def split_by_image(
    images: Sequence[AnnotatedImage],
    digests: Sequence[str],
    val_share: float,
    seed: int,
) -> dict[str, list[int]]:
    """Indices of the images of each part, ``train`` and ``val``.

    Args:
        images (Sequence[AnnotatedImage]): Images.
        digests (Sequence[str]): Hashes of their contents; equal ones come
            into one part.
        val_share (float): Share of the images in ``val``, in [0, 1).
        seed (int): Seed of the split.

    Returns:
        dict[str, list[int]]: Indices by part.
    """
    strata: dict[Any, dict[str, list[int]]] = defaultdict(dict)
    stratum_of: dict[str, Any] = {}
    ids = [{i.category_id for i in image.instances} for image in images]
    counts = Counter(key for keys in ids for key in keys)
    for index, digest in enumerate(digests):
        rarest = min(((counts[k], k) for k in ids[index]), default=(0, 0))
        key = stratum_of.setdefault(digest, rarest)
        strata[key].setdefault(digest, []).append(index)
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for key in sorted(strata):
        groups = sorted(strata[key].items())
        count = round(val_share * len(groups))
        if val_share and len(groups) > 1:
            count = min(max(count, 1), len(groups) - 1)
        for position in generator.permutation(len(groups))[:count]:
            chosen.update(groups[position][1])
    train = [i for i in range(len(images)) if i not in chosen]
    return dict(train=train, val=sorted(chosen))


def _rounded(numbers: Any, digits: int = 3) -> list[float]:
    """Plain numbers for JSON."""
    return [round(float(number), digits) for number in numbers]
