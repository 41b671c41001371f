# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural articulated animals, written as an MP-100 dataset."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import numpy as np

from ..folder_once import write_dataset_once
from ..scenery import flat_keypoints, write_jpeg
from .anatomy import draw_creature
from .renderer import CreatureRenderer, RenderedCreature

#: Raised whenever the same parameters give other images or annotations.
VERSION = 1


def write_creatures(
    root: str | Path,
    seed: int = 0,
    train: tuple[int, int] = (60, 20),
    val: tuple[int, int] = (10, 10),
    test: tuple[int, int] = (20, 10),
    image_size: int = 256,
) -> bool:
    """Write the dataset, unless it is there already.

    There will be ``images/creature_<id>/<number>.jpg``,
    ``annotations/mp100_split1_{train,val,test}.json`` and
    ``creatures.json``, which holds the parameters. Categories are disjoint
    and numbered from 1 through all splits. A category depends only on the
    seed, the split and its position there, an instance also on its number:
    more of them, or another image size, do not change the others.

    It is safe to be called by several processes at once, and to be killed.

    Args:
        root (str | Path): Target folder; missing or empty, or a former
            result with the same parameters.
        seed (int): Seed, not negative. Defaults to 0.
        train (tuple[int, int]): Number of categories and of instances of
            each for training. Defaults to (60, 20).
        val (tuple[int, int]): The same for validation. Defaults to (10, 10).
        test (tuple[int, int]): The same for testing. Defaults to (20, 10).
        image_size (int): Longer side of the images in pixels. Defaults to
            256.

    Returns:
        bool: False if it was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If a number is out of range.
    """
    sizes = dict(train=train, val=val, test=test)

    def write(folder: Path) -> None:
        category_ids, image_ids = count(1), count(1)
        for number, (split, shape) in enumerate(sizes.items()):
            categories, instances = shape
            content = dict(images=[], annotations=[], categories=[])
            for position in range(categories):
                stream = [seed, number, position]
                creature = draw_creature(np.random.default_rng(stream))
                renderer = CreatureRenderer(creature, image_size)
                category_id = next(category_ids)
                name = f'creature_{category_id:03d}'
                category = dict(
                    id=category_id,
                    name=name,
                    supercategory='creature',
                    keypoints=creature.keypoint_names,
                    skeleton=creature.skeleton,
                )
                content['categories'].append(category)
                for instance in range(instances):
                    # Zeros at the end of a seed are without effect: numbers
                    # count from 1.
                    rng = np.random.default_rng([*stream, instance + 1])
                    rendered = renderer.render(rng)
                    file_name = f'{name}/{instance:04d}.jpg'
                    write_jpeg(folder / 'images' / file_name, rendered.image)
                    image, annotation = _describe_instance(
                        rendered, file_name, next(image_ids), category_id
                    )
                    content['images'].append(image)
                    content['annotations'].append(annotation)
            path = folder / 'annotations' / f'mp100_split1_{split}.json'
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content))

    return write_dataset_once(
        *(root, write, 'creatures', VERSION, seed, sizes),
        minimum=32,
        image_size=image_size,
    )


def _describe_instance(
    instance: RenderedCreature, file_name: str, image_id: int, category_id: int
) -> tuple[dict, dict]:
    """Entries of ``images`` and ``annotations``."""
    height, width = instance.image.shape[:2]
    image = dict(id=image_id, file_name=file_name, width=width, height=height)
    annotation = dict(
        id=image_id,
        image_id=image_id,
        category_id=category_id,
        bbox=list(instance.bbox),
        area=instance.area,
        iscrowd=0,
        num_keypoints=int((instance.visible > 0).sum()),
        keypoints=flat_keypoints(instance.keypoints_px, instance.visible),
    )
    return image, annotation
