# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from mmengine.fileio import load
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import leaf_datasets
from cape_mm.structures import LandmarkSchema, available_schemas, get_schema


@dataclass
class CephalogramTable:
    """N instances of a split; original pixels, float64, NaN if unknown."""

    names: list[str]  # paths of the images
    keypoints_px: list[np.ndarray]  # N times (K, 2); K may differ
    visible: list[np.ndarray]  # N times (K,), > 0 counts
    sizes_px: np.ndarray  # (N, 2), width and height of the image
    boxes_px: np.ndarray  # (N, 4), x1, y1, x2, y2
    spacings: np.ndarray  # (N, 2), mm per pixel along x and y
    subjects: list[str]  # ids of the persons; empty where unknown
    schema: LandmarkSchema | None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_uniform(self) -> bool:
        """Whether all rows have the same landmarks, one row an image."""
        counts = {len(points) for points in self.keypoints_px}
        return len(counts) == 1 and (
            self.schema is not None or len(set(self.names)) == len(self)
        )

    @cached_property
    def shapes(self) -> list[bytes]:
        """N keys, equal for rows with the same landmarks."""
        return [points.round(3).tobytes() for points in self.keypoints_px]

    @cached_property
    def labelled(self) -> np.ndarray:
        """Labelled landmarks (N, K), bool, of a uniform table."""
        return np.stack(self.visible) > 0

    @cached_property
    def points_px(self) -> np.ndarray:
        """Landmarks (N, K, 2) of a uniform table, NaN where not labelled."""
        keypoints = np.stack(self.keypoints_px)
        return np.where(self.labelled[..., None], keypoints, np.nan)

    def column(self, code: str) -> np.ndarray:
        """Landmark (N, 2) of a code; NaN where not labelled, or without it."""
        if code not in self.schema.codes:
            return np.full((len(self), 2), np.nan)
        return self.points_px[:, self.schema.index_of(code)]

    def label(self, index: int) -> str:
        """Code of a landmark, or its position, from 0, in words."""
        if self.schema is None:
            return f'landmark {index}'
        return self.schema.codes[index]


def read_cephalograms(dataset: Dataset) -> CephalogramTable | None:
    """Annotations of a dataset, perhaps with wrappers; None without any."""
    rows = []
    for leaf in leaf_datasets(dataset):
        if not hasattr(leaf, 'get_data_info'):
            return None
        known_sizes = _image_sizes(getattr(leaf, 'ann_file', ''))
        for index in range(len(leaf)):
            info = leaf.get_data_info(index)
            if 'keypoints' not in info:
                return None
            rows.append(_read_row(info, known_sizes))
    if not rows:
        return None
    columns = [list(column) for column in zip(*rows)]
    name = getattr(dataset, 'metainfo', {}).get('schema')
    schema = get_schema(name) if name in available_schemas() else None
    arrays = map(np.stack, columns[3:6])
    return CephalogramTable(*columns[:3], *arrays, columns[6], schema)


def _image_sizes(source: str) -> dict[object, tuple[float, float]]:
    """Id of the image -> width and height, of files in COCO's layout."""
    if not str(source).endswith('.json'):
        return {}
    content = load(source)
    images = content.get('images', []) if isinstance(content, dict) else []
    return {
        image['id']: (image['width'], image['height'])
        for image in images
        if {'id', 'width', 'height'} <= image.keys()
    }


def _read_row(info: dict, sizes: dict) -> tuple:
    """Columns of one row of the table."""
    keypoints = np.asarray(info['keypoints'], dtype=np.float64)
    keypoints = keypoints.reshape(-1, keypoints.shape[-1])[:, :2]
    visible = np.asarray(info['keypoints_visible'], dtype=np.float64)
    size = sizes.get(info.get('img_id')) or info.get('annotated_size')
    return (
        str(info.get('img_path', '')),
        keypoints,
        visible.reshape(len(keypoints), -1)[:, 0],
        _numbers(size, 2),
        _numbers(info.get('bbox'), 4),
        _numbers(info.get('spacing'), 2),
        str(info.get('subject') or ''),
    )


def _numbers(values: object, count: int) -> np.ndarray:
    """Values (count,), float64; NaN where unknown."""
    if values is None:
        return np.full(count, np.nan)
    return np.asarray(values, dtype=np.float64).ravel()[:count]
