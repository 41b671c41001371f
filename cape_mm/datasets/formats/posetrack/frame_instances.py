# Copyright (c) cape_mm contributors. All rights reserved.
"""The persons of a frame as arrays, and what is only to be ignored."""

from __future__ import annotations

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .annotated_video import (
    HIDDEN,
    UNLABELLED,
    AnnotatedFrame,
    AnnotatedPerson,
)

#: Enlargement of the joints' extent on each side, as in PoseTrack18, whose
#: boxes were made so.
_BOX_MARGIN = 0.15


def pack_instances(
    frame: AnnotatedFrame,
    num_keypoints: int,
    report: AnnotationReport,
    keep_hidden: bool = True,
    is_video: bool = True,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Turn the persons of a frame into arrays.

    Args:
        frame (AnnotatedFrame): The frame.
        num_keypoints (int): K.
        report (AnnotationReport): Takes what is not usual.
        keep_hidden (bool): Whether joints that are labelled but hidden count
            as labelled. Defaults to True.
        is_video (bool): Whether head boxes and track ids are expected. If
            not, persons are numbered instead. Defaults to True.

    Returns:
        tuple:
        - instances (Dict[str, np.ndarray]): N persons with a labelled joint,
          in original pixels: ``keypoints`` (N, K, 2), ``keypoints_visible``
          (N, K), 1 where labelled, ``bboxes`` (N, 4) xyxy, ``bbox_head`` (N,
          4) xyxy, NaN where not given, ``areas`` (N,), all float32, and
          ``track_ids`` (N,) int64, -1 where not known.
        - ignore_bboxes (np.ndarray): (M, 4) float32, crowds and persons
          without labelled joint.
    """
    persons, ignored = [], []
    for person in frame.persons:
        where = f'{frame.file_name}, {person.record}'
        least = UNLABELLED if keep_hidden else HIDDEN
        has_joint = bool((person.keypoints[:, 2] > least).any())
        if not frame.is_labeled:
            report.add('unlabeled_frame', where)
        elif person.is_crowd or not has_joint:
            report.add('crowd' if person.is_crowd else 'no_joint', where)
            box = _place(person)
            if box is None:
                report.add('no_place', where)
            else:
                ignored.append(box)
        else:
            persons.append(person)

    count = len(persons)
    instances = dict(
        keypoints=np.zeros((count, num_keypoints, 2), np.float32),
        keypoints_visible=np.zeros((count, num_keypoints), np.float32),
        bboxes=np.zeros((count, 4), np.float32),
        bbox_head=np.full((count, 4), np.nan, np.float32),
        areas=np.zeros(count, np.float32),
        track_ids=np.full(count, -1, np.int64),
    )
    for row, person in enumerate(persons):
        where = f'{frame.file_name}, {person.record}'
        points = person.keypoints
        labelled = points[:, 2] > (UNLABELLED if keep_hidden else HIDDEN)
        instances['keypoints'][row] = points[:, :2] * labelled[:, None]
        instances['keypoints_visible'][row] = labelled
        box = _whole_box(person, labelled, where, report)
        instances['bboxes'][row] = box
        instances['areas'][row] = _area(person, box)
        if person.head_box is not None and _is_box(person.head_box):
            instances['bbox_head'][row] = person.head_box
        elif is_video:
            report.add('no_head_box', where)
        instances['track_ids'][row] = row
        if is_video:
            instances['track_ids'][row] = _identity(
                person, instances['track_ids'][:row], where, report
            )
    boxes = np.array(ignored, np.float32).reshape(-1, 4)
    return instances, boxes


def check_regions(
    regions: list[np.ndarray], where: str, report: AnnotationReport
) -> list[np.ndarray]:
    """Keep the ignore regions that have an inside.

    Args:
        regions (List[np.ndarray]): (P, 2) polygons.
        where (str): File and frame, for the report.
        report (AnnotationReport): Takes the others.

    Returns:
        List[np.ndarray]: Those of at least 3 corners.
    """
    kept = []
    for number, region in enumerate(regions):
        if len(region) < 3:
            report.add('bad_region', f'{where}, region {number}')
        else:
            kept.append(region)
    return kept


def _whole_box(
    person: AnnotatedPerson,
    labelled: np.ndarray,
    where: str,
    report: AnnotationReport,
) -> np.ndarray:
    """The person's box, made from the joints where there is none."""
    if person.bbox is not None:
        if _is_box(person.bbox):
            return person.bbox
        report.add('bad_box', f'{where}: {person.bbox.tolist()}')
    points = person.keypoints[labelled, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    # a single joint has no extent: a pixel, so that the box is not empty
    margin = np.maximum(_BOX_MARGIN * (high - low), 0.5)
    return np.concatenate([low - margin, high + margin])


def _area(person: AnnotatedPerson, box: np.ndarray) -> float:
    """The file's area, else that of the box."""
    if person.area is not None and person.area > 0:
        return person.area
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _identity(
    person: AnnotatedPerson,
    others: np.ndarray,
    where: str,
    report: AnnotationReport,
) -> int:
    """The track id, -1 if it is not known."""
    if person.track_id is None or person.track_id < 0:
        report.add('no_track_id', where)
        return -1
    if person.track_id in others:
        report.add('repeated_track_id', f'{where}: {person.track_id}')
        return -1
    return person.track_id


def _place(person: AnnotatedPerson) -> np.ndarray | None:
    """Where somebody without joints is: the box, else that of the head."""
    for box in (person.bbox, person.head_box):
        if box is not None and _is_box(box):
            return box
    return None


def _is_box(box: np.ndarray) -> bool:
    return bool(np.isfinite(box).all() and (box[2:] > box[:2]).all())
