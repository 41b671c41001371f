# Copyright (c) cape_mm contributors. All rights reserved.
"""YOLO-pose: ``data.yaml`` and a text file of labels an image.

All images below the folder are read, whatever its parts (``train``, ``val``).
The labels of ``images/**/x.jpg`` are ``labels/**/x.txt``, or those beside it.
Keypoint names (``kpt_names``) are in newer files only; those of sleap-io have
``node_names`` and a 0-based skeleton.

Read by hand: sleap-io drops boxes and the difference between v = 1 and 2, and
asks for a skeleton; datumaro knows boxes only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cape_mm.errors import DataError

from .annotations import (
    AnnotatedInstance,
    Annotations,
    write_image,
)
from .collector import Collector
from .image_search import IMAGE_SUFFIXES
from .mp100_folder import split_by_image
from .repairs import to_number
from .source_image import SourceImage


def is_yolo_pose(content: Any) -> bool:
    """Whether the content of a YAML file is that of a pose dataset."""
    return isinstance(content, dict) and {'kpt_shape', 'names'} <= {*content}


def read_yolo_pose(file: Path, content: dict, collector: Collector) -> None:
    """Read a dataset."""
    classes, shape = content['names'], content['kpt_shape']
    if isinstance(classes, list):
        classes = dict(enumerate(classes))
    if (
        not isinstance(classes, dict)
        or not isinstance(shape, list)
        or [type(number) for number in shape] != [int, int]
        or shape[1] not in (2, 3)
    ):
        raise DataError(
            f'{file}: kpt_shape is [keypoints, 2 or 3] and names a list or '
            f'mapping, not {shape!r} and {classes!r}'
        )
    root = collector.image_root or file.parent
    search, used = collector.search(file, root), set()
    for image in sorted(root.rglob('*')):
        labels = _labels_of(image, root)
        if labels is None:
            continue
        used.add(labels)
        relative = image.relative_to(root).as_posix()
        source = collector.open_image(search, relative)
        lines = labels.read_text('utf-8-sig').splitlines() if source else ()
        for number, line in enumerate(lines, start=1):
            collector.where = f'{labels}: line {number}'
            numbers = [to_number(word) for word in line.split()]
            if not numbers:
                continue
            expected = 4 + shape[0] * shape[1]
            if numbers[0] not in classes:
                collector.report.add('unknown_category', collector.where)
            elif len(numbers) == 5:
                collector.report.add('no_keypoints', collector.where)
            elif len(numbers) != 1 + expected:
                text = f'{len(numbers) - 1} numbers, not {expected}'
                where = f'{collector.where}: {text}'
                collector.report.add('keypoint_count', where)
            else:
                names = _names(content, numbers[0], shape[0])
                category = str(classes[numbers[0]])
                edges = content.get('skeleton') or []
                pairs = _flip_pairs(content.get('flip_idx'), shape[0])
                collector.declare(category, names, edges, flip_pairs=pairs)
                _add(numbers[1:], category, names, source, collector)
    for folder in {labels.parent for labels in used}:
        for labels in sorted({*folder.glob('*.txt')} - used):
            collector.report.add('missing_image', f'image of {labels}')


def _labels_of(image: Path, root: Path) -> Path | None:
    """File of an image's labels; None if there is none."""
    if image.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    parts = image.relative_to(root).with_suffix('.txt').parts
    if 'images' in parts:
        last = len(parts) - 1 - parts[::-1].index('images')
        parts = (*parts[:last], 'labels', *parts[last + 1 :])
    for path in (root.joinpath(*parts), image.with_suffix('.txt')):
        if path.is_file():
            return path
    return None


def _names(content: dict, number: float, count: int) -> list[str]:
    """Names of the keypoints of a class."""
    names = content.get('kpt_names', content.get('node_names'))
    if isinstance(names, dict):
        names = names.get(number)
    if isinstance(names, list) and len(names) == count:
        return names
    return [f'keypoint_{index}' for index in range(count)]


def _flip_pairs(flip_idx: Any, count: int) -> list[list[int]] | None:
    """Keypoints that a mirror exchanges; None if that is not given."""
    if not isinstance(flip_idx, list) or sorted(flip_idx) != [*range(count)]:
        return None
    pairs = enumerate(flip_idx)
    return [[i, j] for i, j in pairs if i < j and flip_idx[j] == i]


def _add(
    numbers: list[float],
    category: str,
    names: list[str],
    source: SourceImage,
    collector: Collector,
) -> None:
    """Add the instance of a line."""
    count = len(names)
    dims = (len(numbers) - 4) // count
    size = np.array(source.image.size)
    centre, extent = np.array(numbers[:4]).reshape(2, 2) * size
    keypoints = np.full((count, 3), 2.0)
    keypoints[:, :dims] = np.reshape(numbers[4:], (count, dims))
    if dims == 2:  # not labelled: at the origin or negative
        xy = keypoints[:, :2]
        keypoints[(xy == 0).all(1) | (xy < 0).any(1), 2] = 0
    keypoints[:, :2] *= size
    box = [*(centre - extent / 2), *(centre + extent / 2)]
    collector.add(source, category, names, keypoints, box, is_ternary=False)


def write_yolo_pose(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``data.yaml``, ``{train,val}/images`` and ``{train,val}/labels``.

    A fifth of the images is in ``val``, by the split of
    :func:`write_mp100_folder`. The skeleton of the only category is written
    as sleap-io does, ``flip_idx`` where categories agree in their flip pairs.
    """
    categories = list(annotations.categories.values())
    counts = {category.num_keypoints for category in categories}
    if len(counts) != 1:
        raise DataError(
            'YOLO-pose has one number of keypoints for all classes, not '
            f'{sorted(counts)}: choose a category with --category'
        )
    numbers = {category.id: n for n, category in enumerate(categories)}
    digests = [
        hashlib.sha256(image.path.read_bytes()).hexdigest()
        if image.read_pixels is None
        else image.name
        for image in annotations.images
    ]
    parts = split_by_image(annotations.images, digests, 0.2, 0)
    for part, indices in parts.items():
        for index in indices:
            image = annotations.images[index]
            target = out_dir / part / 'images' / image.name
            write_image(image, target, link)
            labels = out_dir / part / 'labels' / image.name
            labels.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                _line(instance, numbers[instance.category_id], image.size)
                for instance in image.instances
            ]
            labels.with_suffix('.txt').write_text(''.join(lines), 'utf-8')
    content = dict(
        train='train/images',
        val='val/images' if parts['val'] else 'train/images',
        kpt_shape=[counts.pop(), 3],
        names={n: category.name for n, category in enumerate(categories)},
        kpt_names={
            n: list(category.keypoint_names)
            for n, category in enumerate(categories)
        },
    )
    pairs = {category.flip_pairs for category in categories}
    if len(pairs) == 1 and None not in pairs:
        flip_idx = list(range(categories[0].num_keypoints))
        for one, other in pairs.pop():
            flip_idx[one], flip_idx[other] = other, one
        content['flip_idx'] = flip_idx
    if len(categories) == 1:
        edges = [list(edge) for edge in categories[0].skeleton]
        content.update(node_names=content['kpt_names'][0][:], skeleton=edges)
    path = out_dir / 'data.yaml'
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding='utf-8')
    count = ', '.join(f'{len(parts[part])} {part}' for part in parts)
    return [f'{path}: images: {count}']


def _line(
    instance: AnnotatedInstance, number: int, size: tuple[int, int]
) -> str:
    """Line of an instance: class, centre and size of the box, keypoints."""
    low, high = np.reshape(instance.box_on(size), (2, 2)) / size
    keypoints = instance.keypoints.copy()
    keypoints[:, :2] /= size
    keypoints[keypoints[:, 2] == 0] = 0
    numbers = [*((low + high) / 2), *(high - low), *keypoints.ravel()]
    return ' '.join([str(number), *(f'{n:.9g}' for n in numbers)]) + '\n'
