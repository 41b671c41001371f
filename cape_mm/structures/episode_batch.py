# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .episode_data_sample import EpisodeDataSample


@dataclass(frozen=True)
class EpisodeBatch:
    """Annotations of a batch of episodes as padded tensors.

    Shapes use B episodes, S supports, Q queries and K keypoints, the largest
    count in the batch. Shorter episodes are padded at the end with
    ``valid=False`` and coordinates 0.

    Attributes:
        support_points (Tensor): Keypoints (B, S, K, 2), float32, normalised.
        support_valid (Tensor): Mask (B, S, K), bool, of the keypoints that
            are labelled and inside the crop.
        query_points (Tensor): Keypoints (B, Q, K, 2), float32, normalised.
        query_valid (Tensor): Mask (B, Q, K), bool; all False for a query
            without annotation.
        adjacency (Tensor): Symmetric adjacency (B, K, K), bool, without self
            loops.
        partners (Tensor): Index (B, K), int64, of the keypoint on the other
            side, left or right, of the object; of itself without one.
        keypoint_names (tuple[tuple[str, ...], ...]): Names of the keypoints
            of each episode, without padding; empty where not known.
    """

    support_points: Tensor
    support_valid: Tensor
    query_points: Tensor
    query_valid: Tensor
    adjacency: Tensor
    partners: Tensor
    keypoint_names: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def from_data_samples(
        cls,
        data_samples: Sequence[EpisodeDataSample],
        device: str | torch.device = 'cpu',
    ) -> EpisodeBatch:
        """Pad and stack the labels of ``data_samples``.

        Args:
            data_samples (Sequence[EpisodeDataSample]): B episodes with the
                same numbers of supports and of queries.
            device (str | torch.device): Device of the tensors. Defaults to
                ``'cpu'``.

        Returns:
            EpisodeBatch: The stacked labels.
        """
        support_points, support_valid = _stack_labels(
            [sample.supports for sample in data_samples]
        )
        size = support_points.shape[2]
        query_points, query_valid = _stack_labels(
            [sample.queries for sample in data_samples],
            num_keypoints=size,
        )
        adjacency = torch.zeros(
            len(data_samples), size, size, dtype=torch.bool
        )
        partners = torch.arange(size).repeat(len(data_samples), 1)
        for i, sample in enumerate(data_samples):
            own = torch.as_tensor(sample.partners)
            partners[i, : len(own)] = own
            if len(sample.skeleton) > 0:
                start, end = torch.as_tensor(sample.skeleton).T
                adjacency[i, start, end] = True
                adjacency[i, end, start] = True
        adjacency.diagonal(dim1=1, dim2=2).fill_(False)
        labels = support_points, support_valid, query_points, query_valid
        tensors = *labels, adjacency, partners
        names = tuple(
            tuple(sample.get('keypoint_names') or ())
            for sample in data_samples
        )
        return cls(*(t.to(device, non_blocking=True) for t in tensors), names)


def _stack_labels(members: list[list], num_keypoints: int = 0) -> tuple:
    """Stack (B, M) members to keypoints (B, M, K, 2) and valid (B, M, K)."""
    points, valid = [], []
    for episode in members:
        for member in episode:
            labels = member.get('gt_instance_labels', None)
            if labels is None:
                points.append(torch.zeros(num_keypoints, 2))
                valid.append(torch.zeros(num_keypoints, dtype=torch.bool))
                continue
            valid.append(torch.as_tensor(labels.keypoint_weights)[0] > 0)
            # Coordinates of unlabelled keypoints are meaningless: neutralise
            # them here, so that they cannot leak into any computation.
            labelled = torch.as_tensor(labels.keypoint_labels)[0, :, :2]
            points.append(labelled.float().masked_fill(~valid[-1][:, None], 0))
    shape = (len(members), len(members[0]), -1)
    points = pad_sequence(points, batch_first=True)
    valid = pad_sequence(valid, batch_first=True)
    return points.view(*shape, 2), valid.view(*shape)
