# Copyright (c) cape_mm contributors. All rights reserved.
"""``predictions.json`` of ``tools/demo/cape_demo.py``, read as annotations.

Written by :class:`cape_mm.apis.PredictionFile`. Keypoints that were not found
are null; supports are not among the images.
"""

from __future__ import annotations

import os.path as osp
from pathlib import Path
from typing import Any

import numpy as np

from .annotations import extent_of
from .collector import Collector
from .image_search import ImageSearch


def is_predictions(content: Any) -> bool:
    """Whether the content of a JSON file is that of predictions."""
    queries = content.get('queries') if isinstance(content, dict) else None
    return (
        bool(queries)
        and isinstance(queries, list)
        and all(
            isinstance(entry, dict)
            and {'image', 'keypoints', 'scores'} <= {*entry}
            for entry in queries
        )
    )


def read_predictions(file: Path, content: dict, collector: Collector) -> None:
    """Read the predictions on queries.

    A box that is the whole image, because none was given, is replaced by that
    of the keypoints.
    """
    names, category = content['keypoint_names'], content['category']
    collector.declare(
        category,
        names,
        content.get('skeleton') or (),
        flip_pairs=content.get('flip_pairs'),
    )
    if type(content.get('category_id')) is int:
        collector.source_ids[category] = content['category_id']
    paths = [entry['image'] for entry in content['queries']]
    folders = [osp.dirname(path) for path in paths if '://' not in path]
    root = Path(osp.commonpath(folders) if folders else osp.sep)
    search = ImageSearch([collector.image_root or root], follow_links=True)
    for entry in content['queries']:
        collector.where = f'{file}: {entry["image"]}'
        name, is_there = entry['image'], False
        if '://' not in name:
            name = osp.relpath(name, root)
            is_there = (root / name).is_file()
        if collector.image_root is None and not is_there:
            # the root may hold a whole disk: no search below it
            collector.report.add('missing_image', entry['image'])
            continue
        source = collector.open_image(search, Path(name).as_posix())
        if source is None:
            continue
        source.image.image_id = entry.get('image_id')
        keypoints = [
            [0, 0, 0] if point is None else [*point[:2], 2]
            for point in entry['keypoints']
        ]
        found = [
            score
            for point, score in zip(keypoints, entry['scores'])
            if point[2]
        ]
        extra = dict(score=float(np.mean(found))) if found else {}
        box = given_box(entry.get('box'), source.image.size)
        if box is None and found and source.image.size is not None:
            box = extent_of(np.array(keypoints, float), source.image.size)
        collector.add(
            source,
            category,
            names,
            keypoints,
            box,
            keypoint_scores=entry['scores'],
            **extra,
        )


def given_box(
    box: list[float] | None, size: tuple[int, int] | None
) -> list[float] | None:
    """Box of a query; None if it is the whole image, as without a box.

    Args:
        box (list[float], optional): x1, y1, x2, y2 of an entry, in pixels.
        size (tuple[int, int], optional): Width and height of its image.

    Returns:
        list[float] | None: The box.
    """
    if box is None or size is None:
        return box
    is_whole = np.allclose(box, [0, 0, size[0] - 1, size[1] - 1])
    return None if is_whole else box
