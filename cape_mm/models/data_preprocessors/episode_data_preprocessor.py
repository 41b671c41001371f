# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmpose.models.data_preprocessors import PoseDataPreprocessor
from torch import Tensor

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeDataSample


@MODELS.register_module()
class EpisodeDataPreprocessor(PoseDataPreprocessor):
    """Move, normalise and stack the supports and queries of a batch.

    All B * (S + Q) images go through MMPose's pre-processing at once, so
    supports and queries are treated alike. The arguments are those of
    ``PoseDataPreprocessor``; coordinates in [0, 1] refer to the input, so it
    is not padded: inputs must fit ``pad_size_divisor``.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Pre-process a batch of episodes.

        Args:
            data (dict): ``inputs`` with B tensors ``support`` (S, 3, H, W)
                and B tensors ``query`` (Q, 3, H, W), ``data_samples`` with B
                :class:`EpisodeDataSample`, as collated by ``pseudo_collate``.
            training (bool): Whether batch augmentations are applied.

        Returns:
            dict: ``inputs`` with float tensors ``support`` (B, S, 3, H, W)
            and ``query`` (B, Q, 3, H, W); ``data_samples`` with B new
            :class:`EpisodeDataSample` on the device of the model.

        Raises:
            ValueError: If S, Q or the image size is not the same
                everywhere.
        """
        supports = list(data['inputs']['support'])
        queries = list(data['inputs']['query'])
        samples = data['data_samples']
        _check_shapes(supports, queries, samples)
        batch, shots = len(samples), len(supports[0])

        images = [image for episode in supports + queries for image in episode]
        members = [m for sample in samples for m in sample.supports]
        members += [m for sample in samples for m in sample.queries]
        size = tuple(images[0].shape[-2:])
        out = super().forward(
            dict(inputs=images, data_samples=members), training
        )
        images, members = out['inputs'], out['data_samples']
        if tuple(images.shape[-2:]) != size:
            raise ValueError(
                f'inputs of {size[0]} x {size[1]} (height x width) would be '
                f'padded to fit pad_size_divisor={self.pad_size_divisor}; '
                'choose an input size that fits'
            )

        count, num_queries = batch * shots, len(queries[0])
        episodes = []
        for number, sample in enumerate(samples):
            episode = sample.new()
            start = number * shots
            episode.supports = members[start : start + shots]
            start = count + number * num_queries
            episode.queries = members[start : start + num_queries]
            episodes.append(episode)
        return dict(
            inputs=dict(
                support=images[:count].unflatten(0, (batch, shots)),
                query=images[count:].unflatten(0, (batch, num_queries)),
            ),
            data_samples=episodes,
        )


def _check_shapes(
    supports: list[Tensor],
    queries: list[Tensor],
    samples: list[EpisodeDataSample],
) -> None:
    """Refuse what cannot be stacked without padding."""
    for name, tensors in (('support', supports), ('query', queries)):
        shapes = {tuple(tensor.shape) for tensor in tensors}
        if len(shapes) != 1 or len(tensors) != len(samples):
            raise ValueError(
                f'the batch has {len(samples)} episodes and {name} tensors '
                f'of shapes {[tuple(tensor.shape) for tensor in tensors]}; '
                'all episodes need one (number, 3, height, width)'
            )
    if supports[0].shape[1:] != queries[0].shape[1:]:
        raise ValueError(
            f'support images {tuple(supports[0].shape[1:])} and query '
            f'images {tuple(queries[0].shape[1:])} differ in size'
        )
