# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import warnings
from functools import partial
from itertools import repeat, zip_longest
from typing import Callable, Iterable, Iterator, Sequence, Union

import numpy as np
import torch
from mmengine.config import Config
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.plausibility import counts_from_one
from cape_mm.errors import DataError
from cape_mm.models.pose_estimators import CapeEstimator, MatchingEstimator
from cape_mm.structures import EpisodeDataSample

from .base_inferencer import HOME, BaseInferencer, PathLike
from .episode_predictor import EpisodePredictor
from .inputs.arguments import require, require_class
from .inputs.episode_request import EpisodeRequest, RequestMember
from .inputs.images import (
    Image,
    ImageLoader,
    check_flip_pairs,
    check_keypoints,
    check_skeleton,
)
from .object_boxes import search_object

OnError = Union[str, Callable[[int, Exception], None]]

_MISSING = object()
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

    kinds = (CapeEstimator,)
    purpose = 'category-agnostic keypoints'

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
            ``query_index`` is the place among the queries, from 0.

        Raises:
            FileNotFoundError: If an image of a support does not exist.
            DataError: If the input cannot be used; see ``on_error`` for
                queries.
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
        on_error: OnError = 'raise',
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
                object first, see :func:`search_object`. Defaults to False.
            on_error (str | Callable): What happens to one of several queries
                that cannot be used, because there is no such image, it cannot
                be read or its box is outside. ``'raise'`` ends the iterator
                with the error; ``'skip'`` warns and goes on, so that there
                are less results than queries; a function is called with the
                index of the query and the error, and the query is skipped
                unless it raises. Defaults to ``'raise'``.

        Returns:
            Iterator[EpisodeDataSample]: Episodes of up to ``batch_size``
            queries, as the visualizer draws them.

        Raises:
            FileNotFoundError: If an image of a support does not exist.
            DataError: If the input cannot be used; at the end of the iterator
                if none of the queries can be.
        """
        if _is_image(queries):
            queries = [queries]
            query_boxes = None if query_boxes is None else [query_boxes]
            on_error = 'raise'
        require('list', queries=queries, skeleton=skeleton)
        for name, value in (
            ('query_boxes', query_boxes),
            ('keypoint_names', keypoint_names),
            ('flip_pairs', flip_pairs),
        ):
            if value is not None:
                require('list', **{name: value})
        if on_error not in ('raise', 'skip') and not callable(on_error):
            raise ValueError(
                f"on_error is {on_error!r}, must be 'raise', 'skip' or a "
                'function'
            )
        numbered = enumerate(_pair_up(queries, query_boxes))
        batches = self._batches(numbered, batch_size)
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
        skeleton = check_skeleton(skeleton, num_keypoints)
        visible = supports[0]['data_samples'].gt_instances.keypoints_visible
        values = np.concatenate([labels[0], visible[0, :, None]], axis=1)
        if counts_from_one(skeleton, [values.ravel().tolist()]):
            warnings.warn(
                'the skeleton seems to count from 1: nothing joins keypoint 0 '
                'and edges one lower are shorter; if so, subtract 1',
                stacklevel=2,
            )
        metainfo = dict(
            category_id=-1,
            category_name=category_name,
            keypoint_names=names,
            skeleton=skeleton,
            flip_pairs=check_flip_pairs(flip_pairs, num_keypoints),
            num_keypoints=num_keypoints,
            replaced=[],
        )
        predictor = EpisodePredictor(self.model, supports, metainfo)
        return self._predict(predictor, batches, detect, on_error)

    def predict_request(
        self,
        request: EpisodeRequest,
        batch_size: int = 8,
        detect: bool = False,
        on_error: OnError = 'raise',
    ) -> Iterator[tuple[EpisodeDataSample, int]]:
        """Predict the queries of a request, see :func:`read_request`.

        Args:
            request (EpisodeRequest): Supports and queries.
            batch_size (int): Queries of a batch. Defaults to 8.
            detect (bool): See :meth:`predict_episodes`. Defaults to False.
            on_error (str | Callable): See :meth:`predict_episodes`. Defaults
                to ``'raise'``.

        Yields:
            tuple[EpisodeDataSample, int]: Episode and index of a query in
            it, whose ``query_index`` is that in the request. Keypoints that
            the request has for a query are in its ``gt_instances``, to be
            compared with.

        Raises:
            FileNotFoundError: If an image of a support does not exist.
            DataError: If the request cannot be used.
        """
        require_class(EpisodeRequest, request=request)
        for name in ('supports', 'queries'):
            members = getattr(request, name)
            require('list', **{name: members})
            for member in members:
                require_class(RequestMember, **{name: member})
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
            on_error=on_error,
        )
        for episode in episodes:
            for index, query in enumerate(episode.queries):
                keypoints = request.queries[query.query_index].keypoints
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
        images = [images] if isinstance(images, bytes) else images
        require('list', support_images=images)
        for image in images:
            require('image', support_images=image)
        require('list', support_keypoints=keypoints)
        boxes = [None] * len(images) if boxes is None else boxes
        require('list', support_boxes=boxes)
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

    def _predict(
        self,
        predictor: EpisodePredictor,
        batches: Iterator[list[tuple[int, tuple[Image, Sequence | None]]]],
        detect: bool,
        on_error: OnError,
    ) -> Iterator[EpisodeDataSample]:
        """Predict batch by batch, without the queries that cannot be used."""
        total, errors = 0, []
        for batch in batches:
            queries = []
            for index, (image, box) in batch:
                try:
                    query = self._load_query(image, box, predictor, detect)
                except (DataError, FileNotFoundError) as error:
                    if on_error == 'raise':
                        raise
                    (_warn if on_error == 'skip' else on_error)(index, error)
                    errors.append(error)
                    continue
                query['data_samples'].set_metainfo(dict(query_index=index))
                queries.append(query)
            total += len(batch)
            if queries:
                yield predictor.predict(queries)
        if errors and len(errors) == total:
            raise DataError(
                f'none of the {total} queries can be used; the first: '
                f'{errors[0]}'
            )

    def _load_query(
        self,
        image: Image,
        box: Sequence | None,
        predictor: EpisodePredictor,
        detect: bool,
    ) -> dict:
        """Prepare a query; its object is searched for without a box."""
        load, count = self._loader.load_query, predictor.num_keypoints
        if detect and box is None:
            pixels = self._loader.read(image)

            def predict(boxes: Iterable[np.ndarray]) -> EpisodeDataSample:
                return predictor.predict(
                    [load(pixels, count, b) for b in boxes]
                )

            propose = None
            if isinstance(self.model, MatchingEstimator):
                propose = partial(predictor.propose_boxes, pixels)
            box = search_object(pixels.shape[1::-1], predict, propose)
        return load(image, count, box)


def _warn(index: int, error: Exception) -> None:
    """Name a query that is skipped."""
    warnings.warn(f'query {index} is skipped: {error}', stacklevel=4)


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
