# Copyright (c) cape_mm contributors. All rights reserved.
"""A user's images, prepared by the test pipeline of a config."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Callable, Iterable, Sequence, Union

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import Compose
from mmengine.structures import InstanceData

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.datasets.formats.annotation_tools.image_search import (
    IMAGE_SUFFIXES,
)
from cape_mm.datasets.formats.cephalometric import is_dicom
from cape_mm.datasets.formats.json_values import shorten
from cape_mm.datasets.formats.plausibility import (
    PlacedInstance,
    check_plausibility,
)
from cape_mm.datasets.pipeline import build_transforms
from cape_mm.errors import DataError

from .arguments import require

Image = Union[str, 'os.PathLike[str]', np.ndarray]

_LONGEST_SIDE = 2**15 - 2  # of images that OpenCV warps


class ImageLoader:
    """A config's test pipeline for images that belong to no dataset.

    ``margin`` is the rim around a support's keypoints where no box is given,
    as a share of the longer side of their extent.
    """

    def __init__(
        self, pipeline: Sequence[dict | Callable], margin: float = 0.1
    ) -> None:
        transforms = build_transforms(pipeline)
        if not transforms or not isinstance(transforms[0], LoadImageFromFile):
            raise ValueError('the test pipeline must begin with LoadImage')
        self._load_image = transforms[0]
        self._prepare = Compose(transforms[1:])
        self.margin = margin

    def read(self, image: Image) -> np.ndarray:
        """Pixels (H, W, 3), uint8, BGR, of an image as displayed."""
        return self._open(image)[0]['img']

    def load_support(
        self, image: Image, keypoints: np.ndarray, box: Sequence | None
    ) -> dict:
        """Inputs and data sample of an image with keypoints (K, 3), x, y, v.

        Keypoints and box x1, y1, x2, y2 are in original pixels. Without box,
        the extent of the labelled keypoints with a rim is used, or the whole
        image if they have none.
        """
        results, name, size = self._open(image)
        labelled = keypoints[:, 2] > 0
        _check_inside(keypoints, size, name)
        if box is None:
            box = _box_of_keypoints(keypoints[labelled, :2], self.margin)
        box = clip_box(box, size, name)
        report = AnnotationReport(name, problems=IMPLAUSIBLE)
        one = PlacedInstance(name, keypoints, size, box)
        check_plausibility([one], report)
        if report:
            warnings.warn(str(report), stacklevel=2)
        packed = self._pack(results, keypoints, box)
        labels = packed['data_samples'].gt_instance_labels
        lost = labelled & (np.asarray(labels.keypoint_weights)[0] <= 0)
        if lost.sum() == labelled.sum():
            raise DataError(f'{name}: no labelled keypoint is in the box')
        if lost.any():
            warnings.warn(
                f'{name}: keypoints {np.flatnonzero(lost).tolist()} lie '
                'outside the box and are not used; widen the box',
                stacklevel=2,
            )
        return packed

    def load_query(
        self, image: Image, num_keypoints: int, box: Sequence | None
    ) -> dict:
        """Inputs and data sample of an image; its whole is the default box."""
        results, name, size = self._open(image)
        # The pipeline needs keypoints: unlabelled ones, removed afterwards.
        unlabelled = np.zeros((num_keypoints, 3), np.float32)
        packed = self._pack(results, unlabelled, clip_box(box, size, name))
        sample = packed['data_samples']
        boxes = sample.gt_instances
        sample.gt_instances = InstanceData(
            bboxes=boxes.bboxes, bbox_scores=boxes.bbox_scores
        )
        del sample.gt_instance_labels
        return packed

    def _open(self, image: Image) -> tuple[dict, str, tuple[int, int]]:
        """Load an image: results, its name for messages, (width, height)."""
        notes: list[str] = []
        if isinstance(image, np.ndarray):
            name = 'an array'
            results = dict(img=_to_bgr(image), img_path=None)
        else:
            require('image', image=image)
            name = os.path.expanduser(os.fspath(image))
            results = dict(img_path=name, image_notes=notes)
        results = self._load_image(results)
        size = results['ori_shape'][1::-1]
        if max(size) > _LONGEST_SIDE:
            raise DataError(
                f'{name!r} has {size[0]} x {size[1]} pixels: scale or cut it '
                f'to sides of {_LONGEST_SIDE} at most'
            )
        for note in notes:
            warnings.warn(f'{name}: {note}', stacklevel=3)
        return results, name, size

    def _pack(
        self, results: dict, keypoints: np.ndarray, box: np.ndarray
    ) -> dict:
        """Run the rest of the pipeline on one instance."""
        results.update(
            id=0,
            img_id=0,
            category_id=-1,
            bbox=box[None],
            bbox_score=np.ones(1, np.float32),
            keypoints=keypoints[None, :, :2].copy(),
            keypoints_visible=(keypoints[None, :, 2] > 0).astype(np.float32),
            rng=np.random.default_rng(0),
        )
        return self._prepare(results)


def check_keypoints(keypoints: Sequence, name: str) -> np.ndarray:
    """Bring the annotation of one image into one form.

    Args:
        keypoints (Sequence): Keypoints (K, 2) or (K, 3), x, y and v, original
            pixels; those with v = 0, or None, are not labelled.
        name (str): Name of the image, for messages.

    Returns:
        np.ndarray: Keypoints (K, 3), float32; unlabelled ones are 0, 0, 0.

    Raises:
        DataError: If the shape is wrong, a labelled point is not finite or
            none is labelled.
    """
    rows: list[list] = []
    _refuse_scalar(keypoints, f'{name}: the keypoints')
    for index, point in enumerate(keypoints):
        is_list = isinstance(point, (list, tuple)) and len(point) == 3
        # without a label, x and y mean nothing
        is_labelled = point is not None and not (is_list and point[2] == 0)
        point = _numbers(point if is_labelled else [0, 0, 0])
        if point is None or len(point) not in (2, 3):
            raise DataError(
                f'{name}: keypoint {index} is {shorten(keypoints[index])}, '
                'not x, y or x, y, v'
            )
        rows.append([*point, 1.0][:3])
    points = np.array(rows, np.float32).reshape(-1, 3)
    points[~(points[:, 2] > 0)] = 0
    if not points[:, 2].any():
        raise DataError(f'{name}: no labelled keypoint')
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise DataError(f'{name}: keypoints {bad.tolist()} are not finite')
    return points


def clip_box(
    box: Sequence | None, size: tuple[int, int], name: str
) -> np.ndarray:
    """Cut a box x1, y1, x2, y2 at the border of its image (None: all)."""
    width, height = size
    if box is None:
        box = [0, 0, width - 1, height - 1]
    flat = np.array(box, dtype=object).ravel()
    array = np.array(_numbers(flat) or [], np.float32)
    if array.shape != (4,) or not np.isfinite(array).all():
        raise DataError(f'{name}: box {shorten(box)} is not x1, y1, x2, y2')
    limits = np.array([width - 1, height - 1] * 2, np.float32)
    clipped = np.clip(array, 0, limits)
    if (clipped[2:] <= clipped[:2]).any():
        raise DataError(
            f'{name}: nothing is left of box {array.tolist()} (x1, y1, x2, '
            f'y2) in an image of {width} x {height} pixels'
        )
    return clipped


def check_skeleton(
    skeleton: Sequence,
    num_keypoints: int,
    edge_name: str = 'edge',
    name: str = 'the skeleton',
) -> list[list[int]]:
    """Read edges, each a pair of two different indices of keypoints."""
    _refuse_scalar(skeleton, name)
    edges = [_numbers(edge) for edge in skeleton]
    for edge, given in zip(edges, skeleton):
        inside = edge and all(end in range(num_keypoints) for end in edge)
        if not inside or len(set(edge)) != 2 or len(edge) != 2:
            raise DataError(
                f'{edge_name} {shorten(given)} of {name} is no pair of two '
                f'different indices in 0..{num_keypoints - 1}; indices count '
                'from 0'
            )
    return [[int(end) for end in edge] for edge in edges]


def check_flip_pairs(
    pairs: Sequence | None, num_keypoints: int
) -> list[list[int]] | None:
    """Read pairs of keypoints, in which each occurs at most once."""
    if pairs is None:
        return None
    pairs = check_skeleton(pairs, num_keypoints, 'pair', 'flip_pairs')
    ends = [end for pair in pairs for end in pair]
    if len(ends) > len(set(ends)):
        raise DataError(f'flip_pairs {pairs} have a keypoint in two pairs')
    return pairs


def find_images(
    paths: Iterable[str | os.PathLike[str]], with_dicom: bool = False
) -> list[str]:
    """Replace folders by the images in them, sorted by name.

    Args:
        paths (Iterable[str | Path]): Files and folders.
        with_dicom (bool): Also find DICOM files, which often have no suffix.
            Defaults to False.

    Returns:
        list[str]: Files.

    Raises:
        DataError: If there is no image in a folder.
    """
    require('list', paths=paths)
    for path in paths:
        require('path', paths=path)
    found: list[Path] = []
    for path in map(Path, paths):
        files = [path]
        if path.is_dir():
            files = sorted(
                file
                for file in path.iterdir()
                if file.suffix.lower() in IMAGE_SUFFIXES
                or (with_dicom and is_dicom(file))
            )
        if not files:
            raise DataError(f'there is no image in the folder {path}')
        found += files
    return [str(path) for path in found]


def _refuse_scalar(value: object, name: str) -> None:
    """Refuse what cannot be a list, also where a file holds it."""
    if not isinstance(value, Iterable):
        raise DataError(f'{name} must be a list, not {value!r}')


def _numbers(values: Sequence) -> list[float] | None:
    """Read numbers; None if it is anything else."""
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None


def _box_of_keypoints(points: np.ndarray, margin: float) -> np.ndarray | None:
    """Extent of keypoints with a rim; None if they have no extent."""
    low, high = points.min(axis=0), points.max(axis=0)
    rim = margin * (high - low).max()
    return np.concatenate([low - rim, high + rim]) if rim > 0 else None


def _check_inside(
    keypoints: np.ndarray, size: tuple[int, int], name: str
) -> None:
    """Refuse labelled keypoints outside of the image."""
    outside = (keypoints[:, :2] < 0) | (keypoints[:, :2] > size)
    bad = np.flatnonzero(outside.any(axis=1) & (keypoints[:, 2] > 0))
    if len(bad):
        index = int(bad[0])
        raise DataError(
            f'{name}: keypoint {index} at '
            f'{keypoints[index, :2].tolist()} is outside the image of '
            f'{size[0]} x {size[1]} pixels'
        )


def _to_bgr(image: np.ndarray) -> np.ndarray:
    """Three channels from grey, BGR or BGRA; alpha is dropped as in files."""
    if image.dtype != np.uint8:
        raise DataError(f'an array of {image.dtype}, not uint8 (0..255)')
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or not image.size:
        raise DataError(
            f'an array of shape {image.shape}, not (height, width) or '
            '(height, width, 1 | 3 | 4)'
        )
    if image.shape[2] == 1:
        image = image.repeat(3, axis=2)
    return np.ascontiguousarray(image[..., :3])
