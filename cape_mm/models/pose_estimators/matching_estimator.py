# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cape_mm.errors import DataError
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeDataSample

from .cape_estimator import CapeEstimator

Features = Tuple[Tensor, ...]

# images that go through the backbone at once, to bound the memory; on CPUs one
# by one: maps of more are slower, since each layer then allocates memory anew
_CHUNK = 16
# longer sides of an image that is searched, by the side of the coarsest input
_SEARCH_SIDES = (1, 1.75, 3)


@MODELS.register_module()
class MatchingEstimator(CapeEstimator):
    """Estimator of a :class:`MatchingHead`: views of supports, several scales.

    The backbone sees every image at all ``scales``, supports in all views of
    the head besides.

    Args:
        scales (Sequence[float]): Sizes of the image for the backbone by the
            size of the input, the coarsest first. Defaults to (2 / 3, 1).
        **kwargs: Arguments of :class:`CapeEstimator`.
    """

    def __init__(
        self, scales: Sequence[float] = (2 / 3, 1.0), **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.scales = tuple(scales)
        self.search_head = MODELS.build(
            dict(kwargs['head'], type='cape_mm.MatchingSearchHead')
        )
        # convolutions of CPUs are a third faster so
        self.backbone.to(memory_format=torch.channels_last)

    def encode_supports(self, images: Tensor) -> Features:
        """Features of all views of supports.

        Args:
            images (Tensor): Preprocessed images (B, S, 3, H, W), H = W.

        Returns:
            tuple[Tensor]: Levels of (B * S * V, C, H', W') of every scale.
        """
        return self._encode(
            self.head.views(images.flatten(0, 1)).flatten(0, 1)
        )

    def encode_queries(self, images: Tensor) -> Features:
        """Features of queries.

        Args:
            images (Tensor): Preprocessed images (B, Q, 3, H, W), H = W.

        Returns:
            tuple[Tensor]: Levels of (B * Q, C, H', W') of every scale.
        """
        return self._encode(images.flatten(0, 1))

    def propose_boxes(
        self, image: Tensor, support: Features, episode: EpisodeDataSample
    ) -> Tensor:
        """Find where in a whole image the object may be.

        Args:
            image (Tensor): Preprocessed image (3, H, W) of any size.
            support (tuple[Tensor]): Result of :meth:`encode_supports`.
            episode (EpisodeDataSample): Episode, of which only the supports
                are used.

        Returns:
            Tensor: Boxes (N, 4), x1, y1, x2, y2, normalised, the most likely
            first; they may reach out of the image.
        """
        size = torch.tensor(image.shape[-2:]) / max(image.shape[-2:])
        coarse = episode.supports[0].metainfo['input_size'][0] * self.scales[0]
        pyramid = []
        for side in _SEARCH_SIDES:
            shape = (size * side * coarse).round().int().clamp_min(32)
            resized = F.interpolate(
                image[None], shape.tolist(), mode='bilinear', antialias=True
            )
            pyramid.append(self._extract(resized))
        batch = self._batch(dict(query=image), [episode])
        count = len(self.head.level_weights)
        windows, matrices = self.search_head.predict(
            support[:count], pyramid, batch
        )
        shares = [
            torch.as_tensor(
                (s.gt_instances.bboxes[0, 2:] - s.gt_instances.bboxes[0, :2])
                / s.metainfo['input_scale']
            )
            for s in episode.supports
        ]
        share = torch.stack(shares).mean(0).to(windows)
        # extent of a turned box: the inverse of a view is its transpose
        share = matrices.transpose(1, 2).abs() @ share
        centre = (windows[:, :2] + windows[:, 2:]) / 2
        half = (windows[:, 2:] - windows[:, :2]) / 2 * share
        return torch.cat([centre - half, centre + half], 1)

    def extract_feat(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Features, Features]:
        """Extract features of supports and queries.

        Args:
            inputs (dict[str, Tensor]): See :meth:`loss`.

        Returns:
            tuple[Features, Features]: See :meth:`encode_supports` and
            :meth:`encode_queries`.
        """
        return (
            self.encode_supports(inputs['support']),
            self.encode_queries(inputs['query']),
        )

    def _encode(self, images: Tensor) -> Features:
        """Levels of all scales, of images (N, 3, H, W)."""
        height, width = images.shape[-2:]
        if height != width:
            raise DataError(
                'MatchingEstimator turns and mirrors square inputs, not '
                f'{width} x {height}: give a codec and TopdownAffine with an '
                'input_size of equal sides'
            )
        levels: list[Tensor] = []
        size_of_chunk = 1 if images.device.type == 'cpu' else _CHUNK
        for scale in self.scales:
            size = [round(side * scale) for side in images.shape[-2:]]
            parts = []
            for chunk in images.split(size_of_chunk):
                if scale != 1:
                    chunk = F.interpolate(
                        chunk, size, mode='bilinear', antialias=True
                    )
                chunk = chunk.contiguous(memory_format=torch.channels_last)
                parts.append(self._extract(chunk))
            levels += map(torch.cat, zip(*parts))
        return tuple(levels)
