# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms

from cape_mm.models.layers import grid_points, sample_features
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

from .matching_head import MatchingHead

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class MatchingSearchHead(MatchingHead):
    """Find the windows of a whole image that may have the support's object.

    A generalised Hough transform: each token of a view of the support votes,
    by its cosine with the image, for the centre of the input in which it
    would lie at its place. Tokens are those of the keypoints and of a
    grid in the middle of the input; a vote may be a cell off. Sizes between
    those of the images are found by scaling the places.

    Args:
        sizes (Sequence[float]): Sizes of the input in an image, by that at
            which supports are encoded. Defaults to (0.64, 0.8, 1, 1.25).
        grid (int): Side of the grid, tokens. Defaults to 4.
        num_windows (int): Largest number of windows. Defaults to 3.
        **kwargs: Arguments of :class:`MatchingHead`, of which the first of
            ``map_sizes`` counts.
    """

    def __init__(
        self,
        sizes: Sequence[float] = (0.64, 0.8, 1.0, 1.25),
        grid: int = 4,
        num_windows: int = 3,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.map_sizes = self.map_sizes[:1]
        self.sizes = tuple(sizes)
        self.grid = grid
        self.num_windows = num_windows

    def forward(
        self,
        support_features: Features,
        query_features: Sequence[Features],
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Vote for windows.

        Args:
            support_features (tuple[Tensor]): Levels of (S * V, C, H, W) of
                the coarsest scale of the input.
            query_features (Sequence[tuple[Tensor]]): Levels of (1, C, H, W)
                of one image in several sizes, at the same strides.
            batch (EpisodeBatch): One episode, of which only the supports'
                labels are used.

        Returns:
            tuple[Tensor, Tensor, Tensor]: Windows (N, 4), x1, y1, x2, y2,
            normalised in the image, each that of a whole input; their votes
            (N,), mean cosines; their views (N,), int64.
        """
        supports = self._encode(support_features, self._add_grid(batch))
        tokens, places = supports.tokens[0][0], supports.places[0]
        weights = supports.valid[0].float()
        weights = weights / weights.sum(-1, keepdim=True)  # (S, K)
        costs = self.views.costs * self.temperature
        windows, votes, views = [], [], []
        for levels in query_features:
            maps = [
                F.interpolate(
                    level - mean[0][:, None, None],
                    levels[0].shape[-2:],
                    mode='bilinear',
                    align_corners=False,
                )
                for level, mean in zip(levels, supports.means)
            ]
            height, width = maps[0].shape[-2:]
            cosines = torch.einsum(
                'svkc,chw->svkhw', tokens, self._join(maps, dim=1)[0]
            )
            cosines = F.max_pool2d(cosines.flatten(0, 2).unsqueeze(1), 3, 1, 1)
            centres = grid_points(height, width, maps[0].device, torch.float32)
            # side of an input of size 1, normalised in this image
            side = centres.new_tensor(support_features[0].shape[:-3:-1])
            side = side / side.new_tensor([width, height])
            for size in self.sizes:
                shifts = (places - 0.5) * (size * side)  # (S, V, K, 2)
                at = centres + shifts.flatten(0, 2).unsqueeze(1)
                vote = sample_features(cosines, at).squeeze(-1)
                vote = vote.unflatten(0, shifts.shape[:3])  # (S, V, K, HW)
                vote = torch.einsum('sk,svkn->svn', weights, vote)
                vote, view = (vote.amax(0) - costs[:, None]).max(0)
                half = (size * side / 2).expand_as(centres)
                windows.append(torch.cat([centres - half, centres + half], 1))
                votes.append(vote)
                views.append(view)
        return torch.cat(windows), torch.cat(votes), torch.cat(views)

    def predict(
        self,
        support_features: Features,
        query_features: Sequence[Features],
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """The best windows that overlap by less than half.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (Sequence[tuple[Tensor]]): See :meth:`forward`.
            batch (EpisodeBatch): See :meth:`forward`.

        Returns:
            tuple[Tensor, Tensor]: Windows (N, 4), the best first, and the
            matrices (N, 2, 2) of their views, see :class:`SupportViews`.
        """
        windows, votes, views = self(support_features, query_features, batch)
        keep = nms(windows, votes, 0.5)[: self.num_windows]
        return windows[keep], self.views.matrices[views[keep]]

    def _add_grid(self, batch: EpisodeBatch) -> EpisodeBatch:
        """The episode with keypoints on a grid besides."""
        points, valid = batch.support_points, batch.support_valid
        grid = 0.2 + 0.6 * grid_points(
            self.grid, self.grid, points.device, points.dtype
        )
        shape = (*points.shape[:2], len(grid))
        own = points.shape[2] + torch.arange(len(grid), device=points.device)
        return replace(
            batch,
            support_points=torch.cat([points, grid.expand(*shape, 2)], 2),
            support_valid=torch.cat([valid, valid.new_ones(shape)], 2),
            partners=torch.cat([batch.partners, own[None]], 1),
        )
