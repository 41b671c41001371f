# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from itertools import islice, zip_longest
from typing import Iterable, Iterator, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.errors import DataError
from cape_mm.structures import EpisodeDataSample

from .checkpoint_config import test_pipeline
from .member_loader import (
    Image,
    MemberLoader,
    check_keypoints,
    check_skeleton,
)
from .model_loading import load_config, load_estimator

_MISSING = object()


class CapeInferencer:
    """Find the keypoints of annotated images on other images.

    Example:
        >>> inferencer = CapeInferencer('checkpoint.pth')
        >>> results = inferencer(
        ...     'mug.jpg', [[52, 40], [90, 61]], ['mug2.jpg', 'mug3.jpg'])
        >>> for result in results:
        ...     print(result.img_path, result.pred_instances.keypoints)

    Images are files or arrays (uint8, BGR, BGRA or grey). All coordinates
    are ``(x, y)`` in pixels of the image as it is displayed: an EXIF
    orientation is applied first. Boxes are x1, y1, x2, y2.

    Args:
        checkpoint (str | Path): Checkpoint file or URL. All weights of the
            model have to be in it.
        config (Config | str | Path, optional): Config of the model. Defaults
            to the one that is stored in the checkpoint, which is read as
            data, not run.
        device (str | torch.device, optional): Defaults to the best one.

    Raises:
        FileNotFoundError: If a file does not exist.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If config and checkpoint do not fit
            together.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike[str],
        config: Config | str | os.PathLike[str] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        self.cfg = load_config(config, checkpoint)
        self.model = load_estimator(self.cfg, checkpoint, device)
        self._loader = MemberLoader(test_pipeline(self.cfg))

    def __call__(
        self,
        support_images: Image | Sequence[Image],
        support_keypoints: Sequence,
        queries: Image | Iterable[Image],
        **kwargs,
    ) -> Iterator[PoseDataSample]:
        """Predict keypoints on queries, lazily.

        Args:
            support_images (str | Path | np.ndarray | Sequence): One annotated
                image or a sequence of them (shots).
            support_keypoints (Sequence): (K, 2) x, y or (K, 3) x, y, v; for a
                sequence of images one such list for each. v = 0 or None
                instead of a point means that it is not labelled.
            queries (str | Path | np.ndarray | Iterable): One image or any
                number of them.
            **kwargs: See :meth:`predict_episodes`.

        Returns:
            Iterator[PoseDataSample]: One result per query, in order, with
            ``pred_instances``: ``keypoints`` (1, K, 2) in original pixels,
            ``keypoint_scores`` (1, K) in [0, 1]. A keypoint that no support
            shows has the score 0 and a meaningless position.

        Raises:
            FileNotFoundError: If an image does not exist; for a query when
                its turn comes.
            DataError: If the input cannot be used.
        """
        episodes = self.predict_episodes(
            support_images, support_keypoints, queries, **kwargs
        )
        return (query for episode in episodes for query in episode.queries)

    def predict_episodes(
        self,
        support_images: Image | Sequence[Image],
        support_keypoints: Sequence,
        queries: Image | Iterable[Image],
        skeleton: Sequence[Sequence[int]] = (),
        keypoint_names: Sequence[str] | None = None,
        category_name: str = 'object',
        support_boxes: Sequence | None = None,
        query_boxes: Iterable | None = None,
        batch_size: int = 8,
    ) -> Iterator[EpisodeDataSample]:
        """Predict keypoints; results come with their supports.

        Args:
            support_images (str | Path | np.ndarray | Sequence): See
                :meth:`__call__`.
            support_keypoints (Sequence): See :meth:`__call__`.
            queries (str | Path | np.ndarray | Iterable): See
                :meth:`__call__`.
            skeleton (Sequence): 0-based index pairs. Defaults to none.
            keypoint_names (Sequence[str], optional): K names.
            category_name (str): For images. Defaults to 'object'.
            support_boxes (Sequence, optional): Box of the object in each
                support (one box if there is one image). Defaults to the
                extent of its keypoints with a rim of a tenth.
            query_boxes (Iterable, optional): The same for each query; an
                entry may be None. Defaults to the whole image.
            batch_size (int): Queries that are predicted together. Supports
                are encoded once for each such batch. Defaults to 8.

        Returns:
            Iterator[EpisodeDataSample]: Episodes of up to ``batch_size``
            queries, as the visualizer draws them.

        Raises:
            FileNotFoundError: If an image does not exist.
            DataError: If the input cannot be used.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}, must be >= 1')
        supports = self._load_supports(
            support_images, support_keypoints, support_boxes
        )
        labels = supports[0]['data_samples'].gt_instances.keypoints
        num_keypoints = labels.shape[1]
        names = [f'keypoint_{i}' for i in range(num_keypoints)]
        if keypoint_names is not None:
            names = [str(name) for name in keypoint_names]
        if len(names) != num_keypoints:
            raise DataError(
                f'{len(names)} keypoint_names for {num_keypoints} keypoints'
            )
        metainfo = dict(
            category_id=-1,
            category_name=category_name,
            keypoint_names=names,
            skeleton=check_skeleton(skeleton, num_keypoints),
            num_keypoints=num_keypoints,
            replaced=[],
        )
        if _is_image(queries):
            queries = [queries]
            query_boxes = None if query_boxes is None else [query_boxes]
        return self._predict(
            supports, _pair_up(queries, query_boxes), metainfo, batch_size
        )

    def _load_supports(
        self,
        images: Image | Sequence[Image],
        keypoints: Sequence,
        boxes: Sequence | None,
    ) -> list[dict]:
        """Check and prepare all shots."""
        if _is_image(images):
            images, keypoints = [images], [keypoints]
            boxes = None if boxes is None else [boxes]
        boxes = [None] * len(images) if boxes is None else boxes
        if not len(images) == len(keypoints) == len(boxes) > 0:
            raise DataError(
                f'{len(images)} support image(s), {len(keypoints)} list(s) '
                f'of keypoints, {len(boxes)} box(es): give one of each per '
                'image'
            )
        names = [
            f'support {number}'
            if isinstance(image, np.ndarray)
            else os.fspath(image)
            for number, image in enumerate(images)
        ]
        points = [
            check_keypoints(value, name)
            for value, name in zip(keypoints, names)
        ]
        counts = [len(value) for value in points]
        if len(set(counts)) > 1:
            listed = ', '.join(map('{}: {}'.format, names, counts))
            raise DataError(
                'all supports need the same number of keypoints, with v = 0 '
                f'(or None) for those that are not visible; got {listed}'
            )
        return [
            self._loader.load_support(*shot)
            for shot in zip(images, points, boxes)
        ]

    @torch.no_grad()
    def _predict(
        self,
        supports: list[dict],
        queries: Iterator[tuple[Image, Sequence | None]],
        metainfo: dict,
        batch_size: int,
    ) -> Iterator[EpisodeDataSample]:
        """Predict batch by batch: the queries of one episode."""
        number = 0
        while True:
            members = [
                self._loader.load_query(image, metainfo['num_keypoints'], box)
                for image, box in islice(queries, batch_size)
            ]
            if not members:
                return
            item = pack_episode(
                supports, members, dict(episode=(0, 0, number), **metainfo)
            )
            yield self.model.test_step(pseudo_collate([item]))[0]
            number += 1


def _is_image(value: object) -> bool:
    return isinstance(value, (str, os.PathLike, np.ndarray))


def _pair_up(
    queries: Iterable[Image], boxes: Iterable | None
) -> Iterator[tuple[Image, Sequence | None]]:
    """Queries with their boxes, or with None."""
    if boxes is None:
        for query in queries:
            yield query, None
        return
    for query, box in zip_longest(queries, boxes, fillvalue=_MISSING):
        if query is _MISSING or box is _MISSING:
            raise DataError('the numbers of queries and of boxes differ')
        yield query, box
