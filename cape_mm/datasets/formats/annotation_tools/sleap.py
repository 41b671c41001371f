# Copyright (c) cape_mm contributors. All rights reserved.
"""SLEAP's ``.slp``, read by sleap-io.

A keypoint with coordinates that is not visible is hidden, v = 1. Predictions
count only in a file without labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .collector import Collector
from .extras import import_extra
from .source_image import SourceImage


def read_sleap(file: Path, content: None, collector: Collector) -> None:
    """Read a project or package."""
    sleap_io = import_extra('sleap_io')
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
