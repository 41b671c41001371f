# Copyright (c) cape_mm contributors. All rights reserved.
"""Videos of PoseTrack17, 18 and 21, and images of COCO, from their files.

A frame is a dictionary, which datasets complete and keep:

- ``file_name`` (str): Image, relative to the folder of images.
- ``frame_number`` (int): Frame number in the video, as in the file name; it
  counts from 0 or 1 and may have gaps.
- ``is_labeled`` (bool): Whether its persons are annotated. If so, there may be
  none all the same.
- ``img_id`` (int | None): Id of the image in the file.
- ``size`` (tuple[int, int] | None): Width and height in pixels.
- ``ignore_regions`` (list[np.ndarray]): Polygons (P, 2), float32, original
  pixels, in which nothing is judged.
- ``persons`` (list[AnnotatedPerson]): In the order of the file;
  :func:`pack_frame` turns them into arrays.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Sequence

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.errors import DataError

from ..json_values import read_json
from ..plausibility import PlacedInstance, check_plausibility
from .annolist import read_annolist
from .video_json import read_images

#: Meaning of each kind of problem in a PoseTrack file and its treatment, in
#: the order of the report.
POSETRACK_PROBLEMS = OrderedDict(
    unknown_image='annotations of an unknown image (skipped)',
    no_keypoint='persons without labelled keypoint (kept as ignored boxes)',
    crowd='crowds (kept as ignored boxes)',
    no_place='persons without keypoint and box (nothing to keep)',
    unlabeled_frame='persons in frames that count as unlabelled (not used)',
    bad_box='boxes that are empty or not finite (made from the keypoints)',
    no_head_box='persons without head box (NaN: evaluated as missed)',
    no_track_id='persons without track id (-1: identity unknown)',
    other_category='annotations of other categories (not used)',
    repeated_keypoint='keypoints given twice in a person (the first kept)',
    repeated_track_id='track ids that occur twice in a frame (the later: -1)',
    bad_region='ignore regions of fewer than 3 corners (dropped)',
    **IMPLAUSIBLE,
    empty_frame=(
        'labelled frames without persons (kept: predictions in them are '
        'false positives; poseval leaves them out)'
    ),
    no_person='images without usable person (not used)',
    missing_image='frames whose image is missing (dropped)',
)


def read_videos(
    ann_file: str, names: Sequence[str], report: AnnotationReport
) -> dict[str, list[dict]]:
    """Read videos of PoseTrack17, 18 or 21; the format is recognised.

    Args:
        ann_file (str): A folder with one JSON file per video, as released, or
            one file, which may hold several videos.
        names (Sequence[str]): K keypoints to read, in the order of the result.
        report (AnnotationReport): Collects the problems of the annotations.

    Returns:
        dict[str, list[dict]]: Frames in order of time, see the module, by the
        video's id, in the order of the files' names and of their contents. The
        id is the name of the annotation file, or that of the folder of images
        if the file holds several videos.

    Raises:
        FileNotFoundError: If there is no such file, or none in the folder.
        DataError: If a file is broken or two videos have one name.
    """
    path = Path(ann_file)
    if path.is_dir():
        files = sorted(path.glob('*.json'))
        if not files:
            raise FileNotFoundError(
                f'the folder {path} has no .json file: name the folder that '
                'holds one annotation file per video, e.g. annotations/train'
            )
    elif path.is_file():
        files = [path]
    else:
        raise FileNotFoundError(
            f'{path} does not exist: give an annotation file, or the folder '
            'of annotation files, relative to data_root'
        )
    videos: dict[str, list[dict]] = {}
    sources: dict[str, Path] = {}
    for file in files:
        frames = _read_file(file, names, report)
        only_name = file.stem if path.is_dir() else None
        for name, members in _part_videos(frames, file, only_name):
            if name in videos:
                raise DataError(
                    f'video {name} is in {sources[name]} and in {file}; track '
                    'ids are unique in a video only, so remove or rename one '
                    'of them'
                )
            videos[name] = members
            sources[name] = file
    return videos


def read_coco_images(
    ann_file: str, names: Sequence[str], report: AnnotationReport
) -> list[dict]:
    """Read the images of a COCO keypoint file.

    Args:
        ann_file (str): The file.
        names (Sequence[str]): K keypoints to read, in the order of the result.
            ``head_bottom`` and ``head_top`` may be absent.
        report (AnnotationReport): Collects the problems of the annotations.

    Returns:
        list[dict]: Images in the order of the file, see the module, all
        labelled, with their position as number. Persons have no track id.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the file is broken or lacks keypoints.
    """
    path = Path(ann_file)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist: give a COCO keypoint file, relative to '
            'data_root'
        )
    content = _load_json(path)
    if 'images' not in content or not content.get('annotations'):
        raise DataError(
            f'{path} is no COCO keypoint file: it needs images, annotations '
            f'and categories, and has {", ".join(map(str, content))}'
        )
    frames = read_images(content, str(path), names, report, is_coco=True)
    return _check(path, frames, names, report)


def _read_file(
    path: Path, names: Sequence[str], report: AnnotationReport
) -> list[dict]:
    """All frames of a PoseTrack file, in its order."""
    content = _load_json(path)
    if 'annolist' in content:
        frames = read_annolist(content, str(path), names, report)
    elif 'images' in content:
        frames = read_images(content, str(path), names, report)
    else:
        raise DataError(
            f'{path} is no PoseTrack file: it has neither annolist '
            '(PoseTrack17) nor images, annotations and categories '
            f'(PoseTrack18 and 21), but {", ".join(map(str, content))}'
        )
    return _check(path, frames, names, report)


def _check(
    path: Path,
    frames: list[dict],
    names: Sequence[str],
    report: AnnotationReport,
) -> list[dict]:
    """The frames of a file, whose coordinates can be right."""
    placed = [
        PlacedInstance(
            f'{frame["file_name"]}, {person.record}',
            person.keypoints,
            frame['size'],
            person.bbox,
            names,
        )
        for frame in frames
        for person in frame['persons']
    ]
    check_plausibility(placed, report, path)
    return frames


def _load_json(path: Path) -> dict:
    """The content of an annotation file."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path} is no annotation file: it holds a '
            f'{type(content).__name__}, not a dictionary; is it a file of '
            'detections or predictions?'
        )
    return content


def _part_videos(
    frames: list[dict], path: Path, only_name: str | None
) -> list[tuple[str, list[dict]]]:
    """Part frames by the folder of their images; sort them by number.

    ``only_name`` is the name of the video if there is only one.
    """
    folders: dict[PurePosixPath, list[dict]] = {}
    for frame in frames:
        folder = PurePosixPath(frame['file_name']).parent
        folders.setdefault(folder, []).append(frame)
    are_distinct = len({folder.name for folder in folders}) == len(folders)
    videos = []
    for folder, members in folders.items():
        # folders of equal names differ in their parents
        name = folder.name if are_distinct else '_'.join(folder.parts)
        if only_name is not None and len(folders) == 1:
            name = only_name
        members = sorted(members, key=lambda frame: frame['frame_number'])
        for one, other in zip(members, members[1:]):
            if one['frame_number'] == other['frame_number']:
                raise DataError(
                    f'{path}: {one["file_name"]} and {other["file_name"]} are '
                    f'both frame {one["frame_number"]} of video {name}; '
                    'remove one of them'
                )
        videos.append((name, members))
    return videos
