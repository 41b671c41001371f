# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from collections import deque
from itertools import repeat, zip_longest
from operator import itemgetter
from typing import Iterable, Iterator, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.errors import DataError
from cape_mm.structures import EpisodeDataSample

from .base_inferencer import HOME, BaseInferencer, PathLike
from .inputs.images import (
    Image,
    ImageLoader,
    check_flip_pairs,
    check_keypoints,
    check_skeleton,
)
from .inputs.requests import EpisodeRequest
from .object_boxes import box_around_object, mean_score, search_windows

_MISSING = object()
#: Windows of an image that are searched together.
_SEARCH_BATCH = 8
_DEFAULT = 'configs/cape/matching_efficientnet-lite0.py'


class CapeInferencer(BaseInferencer):
    """Find the keypoints of annotated images on other images.

    Without arguments it matches frozen features of photographs, which needs
    no training: ``configs/cape/matching_efficientnet-lite0.py``.

    Example:
        >>> inferencer = CapeInferencer()
        >>> results = inferencer(
        ...     'mug.jpg', [[52, 40], [90, 61]], ['mug2.jpg', 'mug3.jpg'])
        >>> for result in results:
        ...     print(result.img_path, result.pred_instances.keypoints)

    Images are files or arrays (uint8, BGR, BGRA or grey). All coordinates
    are ``(x, y)`` in pixels of the image as it is displayed: an EXIF
    orientation is applied first. Boxes are x1, y1, x2, y2.

    The arguments are those of :class:`BaseInferencer`.
    """

    def __init__(
        self,
        checkpoint: PathLike | None = None,
        config: Config | PathLike | None = None,
        device: str | torch.device | None = None,
        allowed_types: Iterable[str] = (),
    ) -> None:
        if checkpoint is None and config is None:
            config = HOME / _DEFAULT
        super().__init__(checkpoint, config, device, allowed_types)
        self._loader = ImageLoader(self.test_dataset['pipeline'])

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
            labels has the score 0 and a meaningless position.

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
        flip_pairs: Sequence[Sequence[int]] | None = None,
        category_name: str = 'object',
        support_boxes: Sequence | None = None,
        query_boxes: Iterable | None = None,
        batch_size: int = 8,
        detect: bool = False,
    ) -> Iterator[EpisodeDataSample]:
        """Predict keypoints; results come with their supports.

        Args:
            support_images (str | Path | np.ndarray | Sequence): See
                :meth:`__call__`.
            support_keypoints (Sequence): See :meth:`__call__`.
            queries (str | Path | np.ndarray | Iterable): See
                :meth:`__call__`.
            skeleton (Sequence): Pairs of keypoint indices, 0-based. Defaults
                to none.
            keypoint_names (Sequence[str], optional): K names.
            flip_pairs (Sequence, optional): Pairs of keypoint indices,
                0-based, that a mirror exchanges: left and right partners.
                Defaults to those by left and right in the names.
            category_name (str): Name in visualizations. Defaults to 'object'.
            support_boxes (Sequence, optional): Box of the instance in each
                support (one box for one image). Defaults to the extent of
                its keypoints with a rim of a tenth.
            query_boxes (Iterable, optional): Box of the instance in each
                query, or None. Defaults to the whole image.
            batch_size (int): Queries of a batch, for which supports are
                encoded once. Defaults to 8.
            detect (bool): Whether to search queries without box for the
                object first: the whole image and overlapping windows, then
                around what was found in the one of the best mean score.
                Defaults to False.

        Returns:
            Iterator[EpisodeDataSample]: Episodes of up to ``batch_size``
            queries, as the visualizer draws them.

        Raises:
            FileNotFoundError: If an image does not exist.
            DataError: If the input cannot be used.
        """
        if _is_image(queries):
            queries = [queries]
            query_boxes = None if query_boxes is None else [query_boxes]
        batches = self._batches(_pair_up(queries, query_boxes), batch_size)
        supports = self._load_supports(
            support_images, support_keypoints, support_boxes
        )
        labels = supports[0]['data_samples'].gt_instances.keypoints
        num_keypoints = labels.shape[1]
        if keypoint_names is None:
            keypoint_names = [f'keypoint_{i}' for i in range(num_keypoints)]
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
            flip_pairs=check_flip_pairs(flip_pairs, num_keypoints),
            num_keypoints=num_keypoints,
            replaced=[],
        )
        predict = self._detect if detect else self._predict
        return predict(supports, batches, metainfo)

    def predict_request(
        self,
        request: EpisodeRequest,
        batch_size: int = 8,
        detect: bool = False,
    ) -> Iterator[tuple[EpisodeDataSample, int]]:
        """Predict the queries of a request, see :func:`read_request`.

        Args:
            request (EpisodeRequest): Supports and queries.
            batch_size (int): Queries of a batch. Defaults to 8.
            detect (bool): See :meth:`predict_episodes`. Defaults to False.

        Yields:
            tuple[EpisodeDataSample, int]: Episode and index of a query in
            it. Keypoints that the request has for a query are in its
            ``gt_instances``, to be compared with.

        Raises:
            FileNotFoundError: If an image does not exist.
            DataError: If the request cannot be used.
        """
        episodes = self.predict_episodes(
            [support.image for support in request.supports],
            [support.keypoints for support in request.supports],
            [query.image for query in request.queries],
            skeleton=request.skeleton,
            keypoint_names=request.keypoint_names,
            flip_pairs=request.flip_pairs,
            category_name=request.category_name,
            support_boxes=[support.box for support in request.supports],
            query_boxes=[query.box for query in request.queries],
            batch_size=batch_size,
            detect=detect,
        )
        members = iter(request.queries)
        for episode in episodes:
            for index, query in enumerate(episode.queries):
                keypoints = next(members).keypoints
                if keypoints is not None:
                    _add_annotation(query, keypoints)
                yield episode, index

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
        points = list(map(check_keypoints, keypoints, names))
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

    def _detect(
        self,
        supports: list[dict],
        batches: Iterator[list[tuple[Image, Sequence | None]]],
        metainfo: dict,
    ) -> Iterator[EpisodeDataSample]:
        """Predict batch by batch, in boxes that are searched for first."""
        # two streams that each encode the supports once
        windows, attempts = deque(), deque()
        search = self._predict(supports, iter(windows.popleft, None), metainfo)
        predict = self._predict(
            supports, iter(attempts.popleft, None), metainfo
        )
        for batch in batches:
            numbers, pairs = [], []
            for number, (image, box) in enumerate(batch):
                boxes = [box]
                if box is None:
                    boxes = self._find_object(image, windows, search)
                numbers += [number] * len(boxes)
                pairs += [(image, box) for box in boxes]
            attempts.append(pairs)
            episode = next(predict)
            best: dict[int, PoseDataSample] = {}
            for number, query in zip(numbers, episode.queries):
                other = best.setdefault(number, query)
                if mean_score(query) > mean_score(other):
                    best[number] = query
            episode.queries = list(best.values())
            yield episode

    def _find_object(
        self,
        image: Image,
        windows: deque,
        search: Iterator[EpisodeDataSample],
    ) -> list[np.ndarray]:
        """Boxes x1, y1, x2, y2 that may have the object of an image."""
        pixels = self._loader.read(image)

        def search_in(boxes: Iterable[np.ndarray]) -> tuple[float, list]:
            """Best mean score in boxes, and that box and a closer one."""
            windows.append([(pixels, box) for box in boxes])
            episode = next(search)
            best = max(episode.queries, key=mean_score)
            chosen = np.asarray(best.gt_instances.bboxes).reshape(-1, 4)[0]
            closer = box_around_object(best, episode.supports)
            pair = [chosen] if closer is None else [chosen, closer]
            return mean_score(best), pair

        boxes = search_windows(pixels.shape[1::-1])
        parts = range(0, len(boxes), _SEARCH_BATCH)
        found = [
            search_in(boxes[start : start + _SEARCH_BATCH]) for start in parts
        ]
        best = max(found, key=itemgetter(0))
        again = search_in(best[1][1:]) if len(best[1]) > 1 else best
        return max(best, again, key=itemgetter(0))[1]

    @torch.no_grad()
    def _predict(
        self,
        supports: list[dict],
        batches: Iterator[list[tuple[Image, Sequence | None]]],
        metainfo: dict,
    ) -> Iterator[EpisodeDataSample]:
        """Predict batch by batch: the queries of one episode."""
        encoded = None  # the supports, once for all batches
        for number, batch in enumerate(batches):
            queries = [
                self._loader.load_query(image, metainfo['num_keypoints'], box)
                for image, box in batch
            ]
            item = pack_episode(
                supports, queries, dict(episode=(0, 0, number), **metainfo)
            )
            data = self.model.data_preprocessor(pseudo_collate([item]))
            if encoded is None:
                encoded = self.model.encode_supports(data['inputs']['support'])
            yield self.model.predict(**data, support=encoded)[0]


def _is_image(value: object) -> bool:
    return isinstance(value, (str, os.PathLike, np.ndarray))


def _pair_up(
    queries: Iterable[Image], boxes: Iterable | None
) -> Iterator[tuple[Image, Sequence | None]]:
    """Queries with their boxes, or with None."""
    if boxes is None:
        yield from zip(queries, repeat(None))
        return
    for query, box in zip_longest(queries, boxes, fillvalue=_MISSING):
        if query is _MISSING or box is _MISSING:
            raise DataError('the numbers of queries and of boxes differ')
        yield query, box


def _add_annotation(query: PoseDataSample, keypoints: Sequence) -> None:
    """Put the annotation of a query beside its prediction."""
    points = check_keypoints(keypoints, query.img_path)
    num_keypoints = query.pred_instances.keypoints.shape[1]
    if len(points) != num_keypoints:
        raise DataError(
            f'{query.img_path} has {len(points)} annotated keypoints, the '
            f'support {num_keypoints}'
        )
    query.gt_instances.keypoints = points[None, :, :2]
    query.gt_instances.keypoints_visible = np.float32(points[None, :, 2] > 0)
