# Copyright (c) cape_mm contributors. All rights reserved.
"""The persons of a frame as arrays, and what is only to be ignored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

#: Values of the third column of ``AnnotatedPerson.keypoints``.
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2
#: Enlargement of the keypoints' extent on each side, as in PoseTrack18, whose
#: boxes were made so.
_BOX_MARGIN = 0.15


@dataclass(frozen=True)
class AnnotatedPerson:
    """One person in one frame, as the file has it.

    Attributes:
        record (str): Place in the file, for messages.
        keypoints (np.ndarray): Keypoints (K, 3), float32: x, y in original
            pixels, and 0 unlabelled, 1 labelled but hidden, 2 visible.
        track_id (int, optional): Identity, unique in its video only; None
            where not given.
        bbox (np.ndarray, optional): Box (4,), float32, x1, y1, x2, y2 in
            original pixels.
        head_box (np.ndarray, optional): Box of the head, likewise.
        area (float, optional): Area in original pixels squared.
        is_crowd (bool): Whether it stands for several persons.
    """

    record: str
    keypoints: np.ndarray
    track_id: int | None = None
    bbox: np.ndarray | None = None
    head_box: np.ndarray | None = None
    area: float | None = None
    is_crowd: bool = False


def pack_frame(
    frame: dict,
    num_keypoints: int,
    report: AnnotationReport,
    keep_hidden: bool = True,
    is_video: bool = True,
) -> dict:
    """Turn the persons of a frame into arrays.

    A labelled frame without persons is counted: it is scored, and
    predictions in it are false positives. poseval leaves such frames out, as
    ``PoseTrackMetric(poseval_compat=True)`` does.

    Args:
        frame (dict): Frame as :mod:`.reader` describes it.
        num_keypoints (int): K.
        report (AnnotationReport): Collects the problems of the annotations.
        keep_hidden (bool): Whether keypoints that are labelled but hidden
            count as labelled. Defaults to True.
        is_video (bool): Whether head boxes and track ids are expected. If
            not, persons are numbered instead. Defaults to True.

    Returns:
        dict: The frame without ``persons`` and without ignore regions of fewer
        than 3 corners, and with:

        - ``instances`` (dict[str, np.ndarray]): N persons with a labelled
          keypoint, in original pixels: ``keypoints`` (N, K, 2),
          ``keypoints_visible`` (N, K), 1 where labelled, ``bboxes`` (N, 4)
          xyxy, ``bbox_head`` (N, 4) xyxy, NaN where not given, ``areas`` (N,),
          all float32, and ``track_ids`` (N,) int64, -1 where not known.
        - ``ignore_bboxes`` (np.ndarray): Boxes (M, 4), float32, of crowds and
          of persons without labelled keypoint.
    """
    least = UNLABELLED if keep_hidden else HIDDEN
    persons, ignored = [], []
    for person in frame['persons']:
        where = f'{frame["file_name"]}, {person.record}'
        has_keypoint = bool((person.keypoints[:, 2] > least).any())
        if not frame['is_labeled']:
            report.add('unlabeled_frame', where)
        elif person.is_crowd or not has_keypoint:
            report.add('crowd' if person.is_crowd else 'no_keypoint', where)
            boxes = filter(_is_box, (person.bbox, person.head_box))
            box = next(boxes, None)
            if box is None:
                report.add('no_place', where)
            else:
                ignored.append(box)
        else:
            persons.append(person)

    count = len(persons)
    if is_video and frame['is_labeled'] and not count:
        report.add('empty_frame', frame['file_name'])
    points = np.reshape(
        [person.keypoints for person in persons], (count, num_keypoints, 3)
    ).astype(np.float32)
    labelled = points[..., 2] > least  # (N, K)
    instances = dict(
        keypoints=points[..., :2] * labelled[..., None],
        keypoints_visible=labelled.astype(np.float32),
        bboxes=np.zeros((count, 4), np.float32),
        bbox_head=np.full((count, 4), np.nan, np.float32),
        areas=np.zeros(count, np.float32),
        track_ids=np.arange(count, dtype=np.int64),
    )
    for row, person in enumerate(persons):
        where = f'{frame["file_name"]}, {person.record}'
        box = _whole_box(person, labelled[row], where, report)
        instances['bboxes'][row] = box
        has_area = person.area is not None and person.area > 0
        area = person.area if has_area else np.prod(box[2:] - box[:2])
        instances['areas'][row] = area
        if _is_box(person.head_box):
            instances['bbox_head'][row] = person.head_box
        elif is_video:
            report.add('no_head_box', where)
        if is_video:
            earlier = instances['track_ids'][:row]
            instances['track_ids'][row] = _identity(
                person, earlier, where, report
            )
    regions = []
    for number, region in enumerate(frame['ignore_regions']):
        if len(region) < 3:
            report.add('bad_region', f'{frame["file_name"]}, region {number}')
        else:
            regions.append(region)
    packed = {key: value for key, value in frame.items() if key != 'persons'}
    return dict(
        packed,
        instances=instances,
        ignore_regions=regions,
        ignore_bboxes=np.array(ignored, np.float32).reshape(-1, 4),
    )


def _whole_box(
    person: AnnotatedPerson,
    labelled: np.ndarray,
    where: str,
    report: AnnotationReport,
) -> np.ndarray:
    """The person's box, made from the keypoints where there is none."""
    if _is_box(person.bbox):
        return person.bbox
    if person.bbox is not None:
        report.add('bad_box', f'{where}: {person.bbox.tolist()}')
    points = person.keypoints[labelled, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    # a single keypoint has no extent: a pixel, so that the box is not empty
    margin = np.maximum(_BOX_MARGIN * (high - low), 0.5)
    return np.concatenate([low - margin, high + margin])


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


def _is_box(box: np.ndarray | None) -> bool:
    """Whether a box (4,) xyxy is given, finite and not empty."""
    return (
        box is not None
        and bool(np.isfinite(box).all())
        and bool((box[2:] > box[:2]).all())
    )
