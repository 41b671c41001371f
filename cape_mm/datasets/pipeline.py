# Copyright (c) cape_mm contributors. All rights reserved.
"""What pipelines, transforms and tools for datasets share."""

from __future__ import annotations

from typing import Callable, Iterator, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import DefaultScope
from mmpose.datasets.transforms import LoadImage as _LoadImage
from mmpose.registry import TRANSFORMS
from torch.utils.data import Dataset

from .formats.image_check import read_image


class LoadImage(_LoadImage):
    """MMPose's, by :func:`~cape_mm.datasets.formats.image_check.read_image`.

    So values of 10, 12 or 14 bits are not black, and what cannot be read is
    named with a remedy. ``image_notes`` of the results, a list, gets remarks.
    """

    def transform(self, results: dict) -> dict | None:
        """Load an image, unless there is one."""
        is_usual = (self.imdecode_backend, self.color_type) == ('cv2', 'color')
        if 'img' not in results and is_usual and not self.ignore_empty:
            results['img'] = read_image(
                results['img_path'],
                notes=results.pop('image_notes', None),
                backend_args=self.backend_args,
            )
        return super().transform(results)


def build_transforms(
    pipeline: Sequence[dict | Callable],
) -> list[Callable]:
    """Build the transforms of a pipeline, for MMEngine's ``Compose``.

    Bare names mean MMPose's transforms, ours are called ``cape_mm.X``, also
    in a plain script, where no default scope was set. Only ``LoadImage`` is
    ours, so that configs stay those of MMPose.
    """
    with DefaultScope.overwrite_default_scope('mmpose'):
        return [
            TRANSFORMS.build(
                dict(step, type=LoadImage)
                if step['type'] in ('LoadImage', 'mmpose.LoadImage')
                else step
            )
            if isinstance(step, dict)
            else step
            for step in pipeline
        ]


class SampleTransform(BaseTransform):
    """Base of the transforms; their attributes are their arguments."""

    def generator(
        self, results: dict, key: str = 'rng'
    ) -> np.random.Generator:
        """The random generator of a sample, from the results so far.

        The state of ``'rng'`` goes on from image to image; ``'episode_rng'``
        is equal for all members of an episode.
        """
        if key not in results:
            raise KeyError(
                f"{type(self).__name__} draws from results['{key}'], which is "
                'missing: use it in the pipeline of one of the datasets of '
                'episodes or clips of cape_mm, or set a np.random.Generator '
                'before'
            )
        return results[key]

    def __repr__(self) -> str:
        values = (f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({", ".join(values)})'


def leaf_datasets(dataset: Dataset) -> Iterator[Dataset]:
    """The datasets inside of wrappers; a dataset itself if it is none."""
    inner = getattr(dataset, 'datasets', None) or getattr(
        dataset, 'dataset', None
    )
    if inner is None:
        yield dataset
        return
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from leaf_datasets(part)


def spread_indices(total: int, count: int | None = None) -> list[int]:
    """Ascending indices, spread evenly over a list; all by default."""
    if count is None or count >= total:
        return list(range(total))
    return [int(i) for i in np.arange(count) * total // count]
