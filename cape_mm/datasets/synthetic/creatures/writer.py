# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural articulated animals, written as an MP-100 dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..folder_once import write_dataset_once
from ..scenery import write_jpeg
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
        category_id, image_id = 1, 1
        for number, (split, (categories, instances)) in enumerate(
            sizes.items()
        ):
            content = dict(images=[], annotations=[], categories=[])
            for position in range(categories):
                stream = [seed, number, position]
                creature = draw_creature(np.random.default_rng(stream))
                name = f'creature_{category_id:03d}'
                content['categories'].append(
                    dict(
                        id=category_id,
                        name=name,
                        supercategory='creature',
                        keypoints=creature.keypoint_names,
                        skeleton=creature.skeleton,
                    )
                )
                renderer = CreatureRenderer(creature, image_size)
                (folder / 'images' / name).mkdir(parents=True)
                for instance in range(instances):
                    # Zeros at the end of a seed are without effect: numbers
                    # count from 1.
                    rng = np.random.default_rng([*stream, instance + 1])
                    rendered = renderer.render(rng)
                    file_name = f'{name}/{instance:04d}.jpg'
                    write_jpeg(folder / 'images' / file_name, rendered.image)
                    height, width = rendered.image.shape[:2]
                    content['images'].append(
                        dict(
                            id=image_id,
                            file_name=file_name,
                            width=width,
                            height=height,
                        )
                    )
                    content['annotations'].append(
                        _describe_instance(rendered, image_id, category_id)
                    )
                    image_id += 1
                category_id += 1
            path = folder / 'annotations' / f'mp100_split1_{split}.json'
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content))

    return write_dataset_once(
        *(root, write, 'creatures', VERSION, seed, sizes),
        minimum=32,
        image_size=image_size,
    )


def _describe_instance(
    instance: RenderedCreature, image_id: int, category_id: int
) -> dict:
    """Entry of ``annotations``."""
    rows = np.column_stack([instance.keypoints_px, instance.visible])
    keypoints = []
    for x, y, visible in rows.tolist():
        keypoints += [round(x, 2), round(y, 2), int(visible)]
    return dict(
        id=image_id,
        image_id=image_id,
        category_id=category_id,
        bbox=list(instance.bbox),
        area=instance.area,
        iscrowd=0,
        num_keypoints=int((instance.visible > 0).sum()),
        keypoints=keypoints,
    )
