# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np
from mmpose.structures.bbox import bbox_corner2xyxy, bbox_xyxy2corner

from cape_mm.registry import TRANSFORMS

from ..pipeline import SampleTransform
from .clip_geometry import move_matrix, shift_by

#: Every field that has one row per person of a frame, from ``pack_frame``. A
#: person is dropped from all of them by :func:`select_instances`; a new field
#: is added here.
ANNOTATED_FIELDS = (
    'keypoints',
    'keypoints_visible',
    'bboxes',
    'bbox_head',
    'areas',
    'track_ids',
)
#: The same with the fields that ``WarpClip`` adds.
INSTANCE_FIELDS = (
    *ANNOTATED_FIELDS,
    'input_keypoints',
    'input_visible',
    'input_bboxes',
    'input_areas',
)


def select_instances(
    instances: dict[str, np.ndarray], keep: np.ndarray
) -> dict[str, np.ndarray]:
    """Keep the persons of a mask (N,) in all fields (N, ...) alike."""
    unknown = instances.keys() - set(INSTANCE_FIELDS)
    if unknown:
        raise ValueError(
            f'unknown fields of persons: {", ".join(sorted(unknown))}; add '
            'them to INSTANCE_FIELDS, so that all fields keep the same persons'
        )
    rows = {name: len(values) for name, values in instances.items()}
    if any(count != len(keep) for count in rows.values()):
        raise ValueError(
            f'fields of {len(keep)} persons have other numbers of rows: {rows}'
        )
    return {name: values[keep] for name, values in instances.items()}


@TRANSFORMS.register_module()
class WarpClip(SampleTransform):
    """Apply the geometry of a clip to its images and persons, at once.

    A keypoint counts if it is labelled, on its image, and inside the input. In
    training, a person without such a keypoint is dropped from its frame, with
    all its fields; in test, all persons stay. If the geometry mirrors, left
    and right keypoints are exchanged in the ``input_*`` fields.

    Required Keys:

        - frames (list of dict with img, instances, and move (4,) if the frame
          moves before the clip does, see ``move_matrix``)
        - clip_matrix
        - clip_size
        - flip_indices
        - test_mode

    Modified Keys:

        - frames: img (H, W, 3) uint8; instances, with ``input_keypoints`` (N,
          K, 2), ``input_visible`` (N, K), ``input_bboxes`` (N, 4) xyxy and
          ``input_areas`` (N,), in input pixels; warp_mat (2, 3) from original
          to input pixels

    Added Keys:

        - img_shape (height, width)

    Args:
        border_value (tuple[int, int, int]): Blue, green, red outside of the
            images. Defaults to (104, 116, 124), ImageNet's mean.
    """

    def __init__(
        self, border_value: tuple[int, int, int] = (104, 116, 124)
    ) -> None:
        self.border_value = tuple(border_value)

    def transform(self, results: dict) -> dict:
        """Warp all frames."""
        size = results['clip_size']
        results['img_shape'] = (size[1], size[0])
        for frame in results['frames']:
            ori_size = frame['img'].shape[1::-1]
            matrix = results['clip_matrix']
            if 'move' in frame:
                matrix = matrix @ move_matrix(frame['move'], ori_size)
            # from the corner of the first pixel to its centre
            matrix = shift_by(-0.5, -0.5) @ matrix @ shift_by(0.5, 0.5)
            if ori_size != size or not np.allclose(matrix, np.eye(3)):
                frame['img'] = cv2.warpAffine(
                    frame['img'],
                    matrix[:2],
                    size,
                    flags=cv2.INTER_LINEAR,
                    borderValue=self.border_value,
                )
            frame['warp_mat'] = matrix[:2].astype(np.float32)
            instances = frame['instances']
            mirrored = np.linalg.det(matrix[:2, :2]) < 0
            flip = results['flip_indices'] if mirrored else slice(None)
            _warp_instances(instances, matrix[:2], size, flip)
            if not results['test_mode']:
                # on the image, too: beyond it is border
                on_image = _inside(instances['keypoints'][:, flip], ori_size)
                instances['input_visible'] *= on_image
                keep = (instances['input_visible'] > 0).any(axis=1)
                frame['instances'] = select_instances(instances, keep)
        return results


def _warp_instances(
    instances: dict,
    matrix: np.ndarray,
    size: tuple[int, int],
    flip: Sequence[int] | slice,
) -> None:
    """Add the ``input_*`` fields; ``flip`` is the order of the keypoints."""
    points = instances['keypoints'][:, flip] @ matrix[:, :2].T + matrix[:, 2]
    visible = instances['keypoints_visible'][:, flip] * _inside(points, size)
    corners = bbox_xyxy2corner(instances['bboxes'])
    boxes = bbox_corner2xyxy(corners @ matrix[:, :2].T + matrix[:, 2])
    low, high = np.float32(-0.5), np.tile(size, 2) - np.float32(0.5)
    growth = abs(np.linalg.det(matrix[:, :2]))
    instances.update(
        input_keypoints=points.astype(np.float32),
        input_visible=visible.astype(np.float32),
        input_bboxes=boxes.clip(low, high).astype(np.float32),
        input_areas=(instances['areas'] * growth).astype(np.float32),
    )


def _inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mask (N, K) of the points (N, K, 2) in an image."""
    limits = np.array(size) - 0.5
    return ((points >= -0.5) & (points < limits)).all(axis=-1)
