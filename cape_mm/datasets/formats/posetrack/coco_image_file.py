# Copyright (c) cape_mm contributors. All rights reserved.
"""Annotation files of static images with persons, as COCO's."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .annotated_video import AnnotatedFrame
from .video_json_file import image_size, read_persons

#: Joints that COCO does not annotate and nothing in COCO stands for: the mean
#: of the ears is no neck, that of the eyes no top of the head. They stay
#: unlabelled.
NOT_IN_COCO = ('head_bottom', 'head_top')


def read_coco_images(
    content: dict, path: str, names: Sequence[str], report: AnnotationReport
) -> list[AnnotatedFrame]:
    """Read the images of a COCO keypoint file.

    Args:
        content (dict): The file.
        path (str): The file, for errors.
        names (Sequence[str]): K keypoints to give, in this order, matched by
            name. ``head_bottom`` and ``head_top`` may be absent.
        report (AnnotationReport): Takes what is not usual.

    Returns:
        List[AnnotatedFrame]: Images in the order of the file, all labelled,
        with their position as number. Persons have no track id.

    Raises:
        ValueError: If the file is broken or lacks keypoints.
    """
    if 'images' not in content or not content.get('annotations'):
        raise ValueError(
            f'{path} is no COCO keypoint file: it needs images, annotations '
            f'and categories, and has {", ".join(map(str, content))}'
        )
    persons = read_persons(
        content, path, names, report, _coco_states, absent=NOT_IN_COCO
    )
    return [
        AnnotatedFrame(
            file_name=image['file_name'],
            number=position,
            is_labeled=True,
            image_id=image['id'],
            size=image_size(image),
            persons=persons[image['id']],
        )
        for position, image in enumerate(content['images'])
    ]


def _coco_states(points: np.ndarray) -> np.ndarray:
    """COCO's flag is the state: 0 unlabelled, 1 hidden, 2 visible."""
    return points[:, 2]
