# Copyright (c) cape_mm contributors. All rights reserved.
"""Results of :class:`CapeInferencer` as ``predictions.json`` and further."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Iterable, Sequence

import mmengine
import numpy as np
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.annotation_tools import (
    check_is_empty,
    convert_annotations,
)
from cape_mm.datasets.formats.annotation_tools.predictions import (
    is_predictions,
)
from cape_mm.datasets.formats.json_values import read_json
from cape_mm.engine.checkpoints import whole_file
from cape_mm.errors import DataError
from cape_mm.structures import EpisodeDataSample

from ..inputs.episode_request import EpisodeRequest, RequestMember
from ..inputs.images import check_keypoints

#: Seconds between two times that the file is written.
_INTERVAL = 2.0


class PredictionFile:
    """Write ``predictions.json`` as results come.

    Used with ``with``: whatever ends the block, the file has all results so
    far. It is replaced as a whole, so it is complete at any time. A keypoint
    that was not found is null: it scores less than ``min_score``, or no
    support has it. The file is a request, too (:func:`read_request`), and is
    read as annotations.

    Example:
        >>> with PredictionFile('mugs/predictions.json', 0.3) as file:
        ...     for episode in inferencer.predict_episodes(...):
        ...         for index in range(len(episode.queries)):
        ...             file.add(episode, index)

    Args:
        path (str | Path): File to write; its folder is made.
        min_score (float): Least score of a keypoint that was found. Defaults
            to 0.
        category_id (int, optional): Id of the category in a COCO file, for
            results that are compared with it.

    Attributes:
        entries (dict[int, dict]): Results by number of the query.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        min_score: float = 0.0,
        category_id: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.min_score = min_score
        self.category_id = category_id
        self.entries: dict[int, dict[str, Any]] = {}
        self._head: dict[str, Any] = {}
        self._written = 0.0

    def __enter__(self) -> PredictionFile:
        return self

    def __exit__(self, *error) -> None:
        if self.entries:
            self.write()

    def resume(self, request: EpisodeRequest) -> list[int]:
        """Take over the results of an earlier file at the same place.

        Results of images that are not among the queries stay, at the end.

        Args:
            request (EpisodeRequest): Supports and queries.

        Returns:
            list[int]: Numbers of the queries that have no result yet.

        Raises:
            DataError: If the file is of other supports, or is broken.
        """
        numbers = list(range(len(request.queries)))
        if not self.path.exists():
            return numbers
        content = read_json(self.path)
        if not is_predictions(content) or 'supports' not in content:
            raise DataError(
                f'{self.path} holds no predictions: move it away, or choose '
                'another folder'
            )
        known = [
            (entry['image'], entry['keypoints'])
            for entry in content['supports']
        ]
        given = [(_absolute(m.image), m.keypoints) for m in request.supports]
        if not _are_same(known, given):
            raise DataError(
                f'{self.path} is of other supports: choose another folder, or '
                'start again without resuming'
            )
        done: dict[str, list[dict]] = {}
        for entry in content.pop('queries'):
            done.setdefault(entry['image'], []).append(entry)
        self._head = content
        for number in numbers:
            entries = done.get(_absolute(request.queries[number].image))
            if entries:
                self.entries[number] = entries.pop(0)
        others = [entry for entries in done.values() for entry in entries]
        self.entries.update(enumerate(others, start=len(numbers)))
        return [number for number in numbers if number not in self.entries]

    def add(
        self,
        episode: EpisodeDataSample,
        index: int = 0,
        number: int | None = None,
        **extra: Any,
    ) -> None:
        """Add the result for one query.

        Args:
            episode (EpisodeDataSample): Episode with predictions.
            index (int): Index of the query in it. Defaults to 0.
            number (int, optional): Place in the file. Defaults to the next.
            **extra: Further plain values of the entry.

        Raises:
            DataError: If images are arrays, which no file can name.
        """
        if not self._head:
            self._head = dict(
                category=episode.category_name,
                category_id=self.category_id,
                keypoint_names=list(episode.keypoint_names),
                skeleton=[list(edge) for edge in episode.skeleton],
                flip_pairs=episode.get('flip_pairs'),
                supports=[_describe_support(s) for s in episode.supports],
            )
        query = episode.queries[index]
        found = query.pred_instances
        scores = np.asarray(found.keypoint_scores)[0]
        # a score of 0: no support has it
        is_found = (scores > 0) & (scores >= self.min_score)
        is_found &= np.isfinite(np.asarray(found.keypoints)[0]).all(-1)
        number = len(self.entries) if number is None else number
        self.entries[number] = dict(
            image=_absolute(query.img_path),
            box=_plain(query.gt_instances.bboxes[0]),
            keypoints=[
                _plain(point) if is_there else None
                for point, is_there in zip(found.keypoints[0], is_found)
            ],
            scores=_plain(scores, 4),
            **extra,
        )
        if time.monotonic() - self._written > _INTERVAL:
            self.write()

    def write(self) -> None:
        """Replace the file by one with all results so far."""
        queries = [self.entries[number] for number in sorted(self.entries)]
        content = dict(self._head, queries=queries)
        text = json.dumps(content, indent=2, allow_nan=False) + '\n'
        with whole_file(self.path) as file:
            file.write(text.encode())
        self._written = time.monotonic()


def export_predictions(
    episodes: Iterable[EpisodeDataSample],
    out_dir: str | os.PathLike[str],
    formats: Sequence[str] = (),
    min_score: float = 0.0,
) -> list[str]:
    """Write results as ``predictions.json`` and for annotation tools.

    Example:
        >>> episodes = inferencer.predict_episodes('1.jpg', points, queries)
        >>> export_predictions(episodes, 'mugs', ['coco', 'labelme'], 0.3)

    Args:
        episodes (Iterable[EpisodeDataSample]): Results of
            :meth:`CapeInferencer.predict_episodes`.
        out_dir (str | Path): Folder to write to, a subfolder for each format.
        formats (Sequence[str]): Keys of
            ``cape_mm.datasets.formats.annotation_tools.WRITERS``. Defaults to
            none.
        min_score (float): Least score of a keypoint that was found. Defaults
            to 0.

    Returns:
        list[str]: Summary in lines.

    Raises:
        FileExistsError: If the folder of a format is not empty.
        DataError: If images are arrays, or a format cannot hold the results.
        ImportError: If a package for a format is missing.
    """
    out_dir = Path(out_dir)
    for format in formats:
        check_is_empty(out_dir / format)
    path = out_dir / 'predictions.json'
    with PredictionFile(path, min_score) as file:
        for episode in episodes:
            for index in range(len(episode.queries)):
                file.add(episode, index)
    lines = [f'{path}: {len(file.entries)} images']
    if formats:
        lines += convert_annotations([path], out_dir, formats)
    return lines


def write_request(
    request: EpisodeRequest, path: str | os.PathLike[str]
) -> None:
    """Write a request, which :func:`read_request` reads.

    Args:
        request (EpisodeRequest): Supports, and queries if there are some.
        path (str | Path): File to write.
    """
    content = dict(
        category=request.category_name,
        keypoint_names=request.keypoint_names,
        skeleton=request.skeleton,
        flip_pairs=request.flip_pairs,
        supports=[_describe_member(member) for member in request.supports],
    )
    if request.queries:
        queries = [_describe_member(member) for member in request.queries]
        content['queries'] = queries
    mmengine.dump(content, path, indent=2, allow_nan=False)


def _describe_member(member: RequestMember) -> dict[str, Any]:
    """A member as an entry of a request."""
    keypoints, box = member.keypoints, member.box
    if keypoints is not None:
        keypoints = [
            None if point is None else np.asarray(point).tolist()
            for point in keypoints
        ]
    return dict(
        image=_absolute(member.image),
        keypoints=keypoints,
        box=None if box is None else np.asarray(box).tolist(),
    )


def _describe_support(support: PoseDataSample) -> dict[str, Any]:
    """A support as an entry of a request."""
    labels = support.gt_instances
    return dict(
        image=_absolute(support.img_path),
        box=_plain(labels.bboxes[0]),
        keypoints=[
            _plain(point) if visible else None
            for point, visible in zip(
                labels.keypoints[0], np.asarray(labels.keypoints_visible)[0]
            )
        ],
    )


def _absolute(image: str | None) -> str:
    """Path that does not depend on the current folder; a URL as it is."""
    if image is None:
        raise DataError(
            'images that are arrays cannot be named in a file: give files'
        )
    image = os.path.expanduser(image)
    return image if '://' in image else os.path.abspath(image)


def _are_same(known: list[tuple], given: list[tuple]) -> bool:
    """Whether images and labelled keypoints agree, but for rounding."""
    if [image for image, _ in known] != [image for image, _ in given]:
        return False
    for (image, rows), (_, others) in zip(known, given):
        first, second = (check_keypoints(r, image) for r in (rows, others))
        if first.shape != second.shape or not np.allclose(
            first[:, :2], second[:, :2], atol=0.02
        ):
            return False
    return True


def _plain(values: Any, digits: int = 2) -> list[float]:
    """Rounded numbers for JSON."""
    return [round(float(value), digits) for value in values]
