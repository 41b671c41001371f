# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

import numpy as np
from mmengine.fileio import load
from torch.utils.data import Dataset

from cape_mm.structures import LandmarkSchema, available_schemas, get_schema


@dataclass
class CephalogramTable:
    """Annotations of a split, one row an instance, N in all.

    Arrays are float64, pixels those of the original image; NaN if unknown.
    """

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

    def stack(self) -> tuple[np.ndarray, np.ndarray]:
        """Arrays of a uniform table: keypoints_px and labelled.

        (N, K, 2) float64, NaN where not labelled; (N, K) bool.
        """
        labelled = np.stack(self.visible) > 0
        keypoints = np.stack(self.keypoints_px)
        return np.where(labelled[..., None], keypoints, np.nan), labelled

    def column(self, keypoints: np.ndarray, code: str) -> np.ndarray | None:
        """Landmark (N, 2) of a code out of (N, K, 2); None without."""
        if self.schema is None or code not in self.schema.codes:
            return None
        return keypoints[:, self.schema.index_of(code)]

    def label(self, index: int) -> str:
        """Code of a landmark, or its position, from 0, in words."""
        if self.schema is None:
            return f'landmark {index}'
        return self.schema.codes[index]


def read_cephalograms(dataset: Dataset) -> CephalogramTable | None:
    """Annotations of a dataset, perhaps with wrappers.

    None if it has no ``get_data_info`` with keypoints.
    """
    rows = []
    for leaf in _leaves(dataset):
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
    names, keypoints, visible, sizes, boxes, spacings, subjects = map(
        list, zip(*rows)
    )
    name = getattr(dataset, 'metainfo', {}).get('schema')
    return CephalogramTable(
        names=names,
        keypoints_px=keypoints,
        visible=visible,
        sizes_px=np.stack(sizes),
        boxes_px=np.stack(boxes),
        spacings=np.stack(spacings),
        subjects=subjects,
        schema=get_schema(name) if name in available_schemas() else None,
    )


def _leaves(dataset: Dataset) -> Iterator[Dataset]:
    """Datasets inside of wrappers."""
    inner = getattr(dataset, 'datasets', None) or getattr(
        dataset, 'dataset', None
    )
    if inner is None:
        yield dataset
        return
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from _leaves(part)


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
