# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .annolist_file import read_annolist
from .annotated_video import AnnotatedVideo, group_frames
from .video_json_file import read_video_json


def read_videos(
    ann_file: str, names: Sequence[str], report: AnnotationReport
) -> list[AnnotatedVideo]:
    """Read videos of PoseTrack17, 18 or 21; the format is recognised.

    Args:
        ann_file (str): A folder with one JSON file per video, as released, or
            one file, which may hold several videos.
        names (Sequence[str]): K keypoints to give, in this order.
        report (AnnotationReport): Takes what is not usual.

    Returns:
        List[AnnotatedVideo]: Files by name, videos in the order of their
        file.

    Raises:
        FileNotFoundError: If there is no such file, or none in the folder.
        ValueError: If a file is broken or two videos have one name.
    """
    path = Path(ann_file)
    if path.is_dir():
        files = sorted(path.glob('*.json'))
        if not files:
            raise FileNotFoundError(
                f'the folder {path} has no .json file: name the folder that '
                'holds one annotation file per video, e.g. annotations/train'
            )
        stems = [file.stem for file in files]
    elif path.is_file():
        files, stems = [path], [None]
    else:
        raise FileNotFoundError(
            f'{path} does not exist: give an annotation file, or the folder '
            'of annotation files, relative to data_root'
        )
    videos: list[AnnotatedVideo] = []
    sources = {}
    for file, stem in zip(files, stems):
        for video in read_file(file, names, report, stem):
            if video.video_id in sources:
                raise ValueError(
                    f'video {video.video_id} is in {sources[video.video_id]} '
                    f'and in {file}; track ids are unique in a video only, so '
                    'remove or rename one of them'
                )
            sources[video.video_id] = file
            videos.append(video)
    return videos


def read_file(
    path: Path,
    names: Sequence[str],
    report: AnnotationReport,
    stem: str | None = None,
) -> list[AnnotatedVideo]:
    """Read the videos of one file.

    Args:
        path (Path): The file.
        names (Sequence[str]): K keypoints to give, in this order.
        report (AnnotationReport): Takes what is not usual.
        stem (str, optional): Name of the video if there is only one.

    Returns:
        List[AnnotatedVideo]: In the order of the file.

    Raises:
        ValueError: If the file is broken.
    """
    content = load_json(path)
    if 'annolist' in content:
        frames = read_annolist(content, str(path), names)
    elif 'images' in content:
        frames = read_video_json(content, str(path), names, report)
    else:
        raise ValueError(
            f'{path} is no PoseTrack file: it has neither annolist '
            '(PoseTrack17) nor images, annotations and categories '
            f'(PoseTrack18 and 21), but {", ".join(map(str, content))}'
        )
    return group_frames(frames, str(path), stem)


def load_json(path: Path) -> dict:
    """Load an annotation file.

    Args:
        path (Path): The file.

    Returns:
        dict: Its content.

    Raises:
        ValueError: If it is no JSON file, or no dictionary.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not a JSON file: {error}') from None
    if not isinstance(content, dict):
        raise ValueError(
            f'{path} is no annotation file: it holds a '
            f'{type(content).__name__}, not a dictionary; is it a file of '
            'detections or predictions?'
        )
    return content
