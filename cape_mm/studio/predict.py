# Copyright (c) cape_mm contributors. All rights reserved.
"""Predictions for a project, with its accepted images as shots."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Iterator, Sequence

import numpy as np

from cape_mm.errors import DataError

from .labels import EMPTY, PREDICTED, Instance, Labels, set_prediction
from .project import Project

if TYPE_CHECKING:
    from cape_mm.apis import CapeInferencer

#: Seconds between two times that results are saved.
_INTERVAL = 1.0
_LOADING = threading.Lock()


@dataclass
class Progress:
    """How far a prediction is.

    Attributes:
        done (int): Images with a result or an error.
        total (int): All images.
        seconds (float): Time so far.
        errors (list[str]): Why images could not be used.
    """

    done: int
    total: int
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = f'{self.done} of {self.total} images'
        if 0 < self.done < self.total:
            left = self.seconds / self.done * (self.total - self.done)
            text += f', about {left:.0f} s left'
        elif self.done:
            text += f' in {self.seconds:.1f} s'
        if self.errors:
            text += f'; {len(self.errors)} skipped: {self.errors[0]}'
        return text


def load_inferencer(
    checkpoint: str = '',
    config: str | None = None,
    device: str | None = None,
) -> CapeInferencer:
    """Load a model once for all.

    Args:
        checkpoint (str): Checkpoint file. Defaults to none: the matcher,
            which needs no training.
        config (str, optional): Config file, which is run: never what a
            visitor of the page names. Defaults to that in the checkpoint.
        device (str, optional): Device.

    Returns:
        CapeInferencer: The model.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If it is no such checkpoint.
        ImportError: If a package of the backbone is missing.
    """
    with _LOADING:
        return _load(checkpoint.strip() or None, config, device)


@lru_cache(maxsize=2)
def _load(*args: str | None) -> CapeInferencer:
    # imported late, as it takes seconds, and the page is not to wait
    from cape_mm.apis import CapeInferencer

    return CapeInferencer(*args)


def queries_of(labels: Labels) -> list[str]:
    """Instances to predict: those neither accepted nor rejected."""
    return labels.keys(EMPTY, PREDICTED)


def predict(
    project: Project,
    keys: Sequence[str],
    inferencer: CapeInferencer,
    batch_size: int = 8,
    detect: bool = False,
) -> Iterator[Progress]:
    """Predict instances of a project; each result is stored in it.

    All together are one step for undo, unless the user does something
    meanwhile: what is decided then stays. When the iterator is closed, what
    is done is kept.

    Args:
        project (Project): Open project with an accepted image.
        keys (Sequence[str]): Keys of the instances.
        inferencer (CapeInferencer): The model.
        batch_size (int): Images of a batch. Defaults to 8.
        detect (bool): Whether to search images without box for the object
            first. Defaults to False.

    Yields:
        Progress: After each image.

    Raises:
        DataError: If nothing is labelled, no image can be used, or the
            keypoints are changed meanwhile.
    """
    before = project.labels
    request = project.make_request(keys)
    progress = Progress(0, len(keys))
    start = saved = time.monotonic()
    results: dict[str, tuple] = {}
    stored: dict[str, Instance] = {}
    last: Labels | None = None

    def save(labels: Labels) -> Labels:
        if labels.keypoint_names != before.keypoint_names:
            return labels
        # all results, as an undo may have removed earlier ones
        for key, result in results.items():
            now = labels.instances.get(key)
            if now is None or now is stored.get(key):
                continue
            if now.status in (before.instances[key].status, PREDICTED):
                labels = set_prediction(labels, key, *result)
                stored[key] = labels.instances[key]
        return labels

    def skip(index: int, error: Exception) -> None:
        progress.done += 1
        progress.errors.append(str(error))

    try:
        for episode, index in inferencer.predict_request(
            request, batch_size, detect, skip
        ):
            query = episode.queries[index]
            found = query.pred_instances
            points = np.asarray(found.keypoints, np.float64)[0]
            scores = np.asarray(found.keypoint_scores, np.float64)[0]
            scores = np.where(np.isfinite(points).all(1), scores, 0)
            if project.labels.keypoint_names != before.keypoint_names:
                raise DataError(
                    'the keypoints were changed meanwhile: predict again'
                )
            results[keys[query.query_index]] = points, scores
            now = time.monotonic()
            progress.done += 1
            progress.seconds = now - start
            if now - saved > _INTERVAL:
                last, saved = project.amend(last, save), now
            yield progress
    finally:
        project.amend(last, save)
        progress.seconds = time.monotonic() - start


def describe_corrections(labels: Labels) -> str:
    """How many keypoints of predictions had to be corrected, in words.

    The bars are the shares of the reviewed images, in their order.
    """
    counts = labels.count_corrections()
    if not counts:
        return 'No prediction has been accepted yet.'
    wrong, total = (sum(column) for column in zip(*counts))
    shares = [c / max(n, 1) for c, n in counts[-60:]]
    bars = ''.join('▁▂▃▄▅▆▇█'[round(7 * share)] for share in shares)
    return (
        f'{wrong} of {total} keypoints were corrected on {len(counts)} '
        f'accepted image(s): {100 * wrong / max(total, 1):.0f} %  {bars}'
    )
