# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

#: Every field that has one row per person of a frame. Who drops a person
#: drops it from all of them, by :func:`select_instances`; a new field is
#: added here. The ``input_*`` fields are made by ``WarpClip``.
INSTANCE_FIELDS = (
    'keypoints',
    'keypoints_visible',
    'bboxes',
    'bbox_head',
    'areas',
    'track_ids',
    'input_keypoints',
    'input_visible',
    'input_bboxes',
    'input_areas',
)


def select_instances(
    instances: dict[str, np.ndarray], keep: np.ndarray
) -> dict[str, np.ndarray]:
    """Keep some persons of a frame, in all fields alike.

    Args:
        instances (Dict[str, np.ndarray]): Fields with N rows each.
        keep (np.ndarray): (N,) bool.

    Returns:
        Dict[str, np.ndarray]: The same fields with the rows to keep.

    Raises:
        ValueError: If a field is not known or has not N rows.
    """
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
