# Copyright (c) cape_mm contributors. All rights reserved.
"""Procedural articulated animals, written as an MP-100 dataset."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from ..folder_once import write_folder_once
from .anatomy import Creature, draw_creature
from .renderer import CreatureRenderer, RenderedCreature

#: Raised whenever the same parameters give other images or annotations.
VERSION = 1
STAMP_NAME = 'creatures.json'
_SPLITS = ('train', 'val', 'test')
_JPEG_QUALITY = 92


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
        seed (int): Not negative. Defaults to 0.
        train (Tuple[int, int]): Number of categories and of instances of
            each. Defaults to (60, 20).
        val (Tuple[int, int]): The same. Defaults to (10, 10).
        test (Tuple[int, int]): The same. Defaults to (20, 10).
        image_size (int): Longer side of the images in pixels. Defaults to
            256.

    Returns:
        bool: False if it was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If a number is out of range.
    """
    sizes = dict(zip(_SPLITS, (train, val, test)))
    counts = [count for size in sizes.values() for count in size]
    if seed < 0 or min(counts) < 1 or image_size < 32:
        raise ValueError(
            'seed must be >= 0, numbers of categories and instances >= 1, '
            f'image_size >= 32; got seed {seed}, {sizes}, image_size '
            f'{image_size}'
        )
    stamp = dict(
        data='creatures',
        version=VERSION,
        seed=int(seed),
        image_size=int(image_size),
        **{split: [int(n) for n in size] for split, size in sizes.items()},
    )

    def write(folder: Path) -> None:
        first_category, first_image = 1, 1
        for number, split in enumerate(_SPLITS):
            writer = _SplitWriter(folder, [seed, number], image_size)
            writer.write(sizes[split], first_category, first_image)
            path = folder / 'annotations' / f'mp100_split1_{split}.json'
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(writer.content))
            first_category += sizes[split][0]
            first_image += sizes[split][0] * sizes[split][1]

    return write_folder_once(Path(root), STAMP_NAME, stamp, write)


def ensure_creatures(root: str | Path) -> bool:
    """Write the dataset in the size that embedded configs use.

    Args:
        root (str | Path): Target folder.

    Returns:
        bool: False if it was there already.
    """
    return write_creatures(root)


class _SplitWriter:
    """Writes the images of one split and collects its annotations.

    Args:
        folder (Path): Root of the dataset.
        stream (list): What the random streams of the split begin with.
        image_size (int): Longer side of the images in pixels.
    """

    def __init__(self, folder: Path, stream: list, image_size: int) -> None:
        self.folder = folder
        self.stream = stream
        self.image_size = image_size
        self.content: dict[str, list] = dict(
            images=[], annotations=[], categories=[]
        )

    def write(
        self, size: tuple[int, int], category_id: int, image_id: int
    ) -> None:
        """Write all categories, with ids from the given ones on."""
        for position in range(size[0]):
            stream = [*self.stream, position]
            creature = draw_creature(np.random.default_rng(stream))
            name = f'creature_{category_id:03d}'
            self._add_category(creature, category_id, name)
            renderer = CreatureRenderer(creature, self.image_size)
            (self.folder / 'images' / name).mkdir(parents=True)
            for number in range(size[1]):
                # An empty stream of the category and [.., 0] are the same
                # to NumPy, so instances count from 1.
                rng = np.random.default_rng([*stream, number + 1])
                instance = renderer.render(rng)
                file_name = f'{name}/{number:04d}.jpg'
                self._add_instance(instance, file_name, image_id, category_id)
                image_id += 1
            category_id += 1

    def _add_category(
        self, creature: Creature, category_id: int, name: str
    ) -> None:
        self.content['categories'].append(
            dict(
                id=category_id,
                name=name,
                supercategory='creature',
                keypoints=creature.keypoint_names,
                skeleton=creature.skeleton,
            )
        )

    def _add_instance(
        self,
        instance: RenderedCreature,
        file_name: str,
        image_id: int,
        category_id: int,
    ) -> None:
        path = self.folder / 'images' / file_name
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, encoded = cv2.imencode('.jpg', instance.image, quality)
        path.write_bytes(encoded.tobytes())
        height, width = instance.image.shape[:2]
        self.content['images'].append(
            dict(id=image_id, file_name=file_name, width=width, height=height)
        )
        points = np.column_stack([instance.keypoints_px, instance.visible])
        keypoints = []
        for x, y, visible in points.tolist():
            keypoints += [round(x, 2), round(y, 2), int(visible)]
        self.content['annotations'].append(
            dict(
                id=image_id,
                image_id=image_id,
                category_id=category_id,
                bbox=list(instance.bbox),
                area=instance.area,
                iscrowd=0,
                num_keypoints=int((instance.visible > 0).sum()),
                keypoints=keypoints,
            )
        )
