# Copyright (c) cape_mm contributors. All rights reserved.
"""SLEAP's ``.slp``, read by sleap-io.

A keypoint with coordinates that is not visible is hidden, v = 1. Predictions
count only in a file without labels.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, Sequence

import numpy as np

from cape_mm.errors import import_extra

from .annotations import AnnotatedInstance, Annotations, write_image
from .collector import Collector
from .source_image import SourceImage

_EXTRA = "'cape_mm[annotation-tools]'"


def read_sleap(file: Path, content: None, collector: Collector) -> None:
    """Read a project or package."""
    sleap_io = import_extra('sleap_io', _EXTRA, 'a .slp file')
    # videos are opened here, by path, and never fetched from a URL
    labels = sleap_io.load_slp(str(file), open_videos=False)
    has_labels = labels.n_user_instances > 0
    for frame in labels:
        collector.where = f'{file}: frame {frame.frame_idx}'
        chosen = []
        for instance in frame.instances:
            predicted = isinstance(instance, sleap_io.PredictedInstance)
            if predicted and has_labels:
                collector.report.add('predictions', collector.where)
            else:
                chosen.append((instance, predicted))
        source = _open(frame, file, collector) if chosen else None
        for instance, predicted in chosen if source is not None else ():
            extra: dict[str, Any] = {}
            if instance.track is not None:
                extra['track_id'] = labels.tracks.index(instance.track)
            if predicted:
                extra['score'] = float(instance.score)
                extra['keypoint_scores'] = np.array(instance.points['score'])
            _add(instance, source, collector, extra)


def _add(
    instance: Any, source: SourceImage, collector: Collector, extra: dict
) -> None:
    """Add an instance."""
    skeleton, points = instance.skeleton, instance.points
    name = skeleton.name or 'skeleton'
    if name.lower().startswith('skeleton'):  # SLEAP made it up
        name = collector.default_name
    names = [str(node) for node in skeleton.node_names]
    collector.declare(name, names, skeleton.edge_inds)
    is_set = np.isfinite(points['xy']).all(1)
    visible = np.where(is_set, 1 + points['visible'], 0)
    keypoints = np.column_stack([points['xy'], visible])
    collector.add(source, name, names, keypoints, **extra)


def _open(frame: Any, file: Path, collector: Collector) -> SourceImage | None:
    """The image of a frame: a file, in a video, or in the package."""
    video, number = frame.video, int(frame.frame_idx)
    search = collector.search(file)
    if isinstance(video.filename, list):
        return collector.open_image(search, video.filename[number])
    if Path(video.filename).resolve() != file.resolve():
        found = collector.find(search, video.filename)
        return found and collector.open_frame(found[0], number)
    try:
        video.open()
        height, width = video[number].shape[:2]
    except Exception as error:  # what the decoders raise
        collector.report.add('unreadable', f'{collector.where}: {error}')
        return None

    def read_pixels() -> np.ndarray:
        pixels = video[number]  # (H, W, 1 or 3), RGB
        rgb = np.broadcast_to(pixels, (height, width, 3))
        return np.ascontiguousarray(rgb[..., ::-1])

    original = video.source_video.filename if video.source_video else file
    first = original[0] if isinstance(original, list) else original
    name = f'{Path(first).stem}/{number:06d}.png'
    part = str(video.backend_metadata.get('dataset')), number
    return collector.add_pixels(file, part, name, (width, height), read_pixels)


def write_sleap(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``labels.slp`` and ``images``.

    Images of one size are one video, as SLEAP has it; each category is a
    skeleton. Instances with scores are predictions. There are no boxes.
    """
    sleap_io = import_extra('sleap_io', _EXTRA, 'a .slp file')
    files: dict[tuple[int, int], list[str]] = {}
    for image in annotations.images:
        target = out_dir / 'images' / image.name
        write_image(image, target, link)
        files.setdefault(image.size, []).append(str(target.absolute()))
    videos = {
        size: sleap_io.Video(
            filename=paths,
            backend_metadata=dict(shape=(len(paths), *size[::-1], 3)),
        )
        for size, paths in files.items()
    }
    skeletons = {
        key: sleap_io.Skeleton(
            nodes=_unique(category.keypoint_names),
            edges=list(category.skeleton),
            name=category.name,
        )
        for key, category in annotations.categories.items()
    }
    ids = sorted(
        {
            instance.track_id
            for image in annotations.images
            for instance in image.instances
            if instance.track_id is not None
        }
    )
    tracks = {number: sleap_io.Track(name=str(number)) for number in ids}
    frames, counts = [], dict.fromkeys(videos, 0)
    for image in annotations.images:
        instances = [
            _to_sleap(
                instance,
                skeletons[instance.category_id],
                tracks.get(instance.track_id),
                sleap_io,
            )
            for instance in image.instances
        ]
        frames.append(
            sleap_io.LabeledFrame(
                video=videos[image.size],
                frame_idx=counts[image.size],
                instances=instances,
            )
        )
        counts[image.size] += 1
    labels = sleap_io.Labels(
        frames,
        videos=list(videos.values()),
        skeletons=list(skeletons.values()),
        tracks=list(tracks.values()),
    )
    path = out_dir / 'labels.slp'
    labels.save(str(path), verbose=False)
    count = f'{len(frames)} images, {annotations.num_instances} instances'
    return [f'{path}: {count}']


def _unique(names: Sequence[str]) -> list[str]:
    """Names, those that occur again with a number: SLEAP needs that."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f'{name}_{number}'
        unique.append(candidate)
    return unique


def _to_sleap(
    instance: AnnotatedInstance,
    skeleton: Any,
    track: Any,
    sleap_io: ModuleType,
) -> Any:
    """A label, or a prediction if it has scores."""
    v = instance.keypoints[:, 2]
    points = np.where(v[:, None] > 0, instance.keypoints[:, :2], np.nan)
    if instance.keypoint_scores is None:
        made = sleap_io.Instance.from_numpy(
            points, skeleton=skeleton, track=track
        )
    else:
        score = instance.score
        if score is None:
            score = float(np.mean(instance.keypoint_scores))
        made = sleap_io.PredictedInstance.from_numpy(
            points,
            skeleton=skeleton,
            track=track,
            point_scores=np.asarray(instance.keypoint_scores, np.float64),
            score=score,
        )
    made.points['visible'] = v == 2
    return made
