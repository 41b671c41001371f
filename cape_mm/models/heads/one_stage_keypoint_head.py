# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor, nn

from cape_mm.errors import DataError
from cape_mm.models.layers.cape import (
    GlobalKeypointPerceptor,
    RefinedAttentionLayer,
    heatmap_profiles,
    pool_features,
    sine_grid,
    sine_identifiers,
)
from cape_mm.models.layers.points import at_least_float32
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import fraction_to_norm, norm_to_fraction

Features = Tuple[Tensor, ...]


class OneStageOutput(NamedTuple):
    """Keypoints of N = B * Q queries, each with its episode's supports."""

    points: Tensor  # (N, K, 2), pixels / side, not bounded
    valid: Tensor  # (N, K) bool, visible in all supports


@MODELS.register_module()
class OneStageKeypointHead(BaseHead):
    """Regress the support's keypoints by attention alone.

    SCAPE (Liang et al., "SCAPE: A Simple and Strong Category-Agnostic Pose
    Estimator", ECCV 2024): support tokens perceive both images, then run
    through one transformer with the query's cells, whose attention among
    keypoints is refined by expert networks; an MLP reads the points.

    The arithmetic is that of the authors' code. Its experts span a fixed
    number of keypoint slots, which is a size of the weights; results are not
    bounded to the input.

    Args:
        in_channels (int): Channels of the backbone's last level. Defaults to
            2048.
        input_size (Sequence[int]): Width and height of the input. Defaults to
            (256, 256).
        loss_coords (ConfigType, optional): Loss of the points. Defaults to
            :class:`KeypointL1Loss` with the sum of x and y.
        embed_dims (int): Channels E. Defaults to 256.
        num_heads (int): Number of attention heads. Defaults to 8.
        num_perceptor_layers (int): Number of layers in which keypoints
            perceive both images. Defaults to 2.
        num_layers (int): Number of layers of the transformer. Defaults to 4.
        feedforward_channels (int): Width of all feed-forward networks.
            Defaults to 512.
        num_slots (int): Number of keypoint slots. Defaults to 100.
        sigma (float): Sigma of the support's heatmaps, in cells of 1/64 of
            the input. Defaults to 2.0.
        perceptor_dropout (float): Dropout probability of the perceptor.
            Defaults to 0.5.
        dropout (float): The same of the transformer. Defaults to 0.1.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: int = 2048,
        input_size: Sequence[int] = (256, 256),
        loss_coords: ConfigType | None = None,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_perceptor_layers: int = 2,
        num_layers: int = 4,
        feedforward_channels: int = 512,
        num_slots: int = 100,
        sigma: float = 2.0,
        perceptor_dropout: float = 0.5,
        dropout: float = 0.1,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.input_size = input_size
        self.embed_dims = embed_dims
        self.num_slots = num_slots
        self.sigma = sigma
        self.loss_coords = MODELS.build(
            loss_coords
            or dict(
                type='cape_mm.KeypointL1Loss', loss_weight=1.0, reduction='sum'
            )
        )
        self.image_projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.perceptor = GlobalKeypointPerceptor(
            embed_dims,
            num_heads,
            num_perceptor_layers,
            feedforward_channels,
            perceptor_dropout,
        )
        self.layers = nn.ModuleList(
            RefinedAttentionLayer(
                embed_dims, num_heads, feedforward_channels, num_slots, dropout
            )
            for _ in range(num_layers)
        )
        self.point_mlp = nn.Sequential(
            nn.Linear(embed_dims, embed_dims // 2),
            nn.ReLU(),
            nn.Linear(embed_dims // 2, 2),
        )
        # Xavier for matrices, zero for biases
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> OneStageOutput:
        """Find the keypoints of the queries, without their labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S, C, h, w), of
                which the last one is used.
            query_features (tuple[Tensor]): Levels of (B * Q, C, h, w).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.

        Returns:
            OneStageOutput: Points and mask.

        Raises:
            DataError: If there are more keypoints than slots.
        """
        num_keypoints = batch.support_valid.shape[2]
        if num_keypoints > self.num_slots:
            raise DataError(
                f'{num_keypoints} keypoints for {self.num_slots} slots: the '
                'weights of this method are made for at most that many'
            )
        support = self.image_projection(support_features[-1])
        query = self.image_projection(query_features[-1])
        valid = batch.support_valid.all(dim=1)
        extra = self.num_slots - num_keypoints
        tokens = self._pool_supports(support, batch) * valid.unsqueeze(-1)
        tokens = F.pad(tokens, (0, 0, 0, extra)) + sine_identifiers(
            self.num_slots, self.num_slots, self.embed_dims, tokens.device
        )
        num_queries = len(query) // len(tokens)
        first = support.unflatten(0, (len(tokens), -1))[:, 0]
        tokens, first, valid = (
            value.repeat_interleave(num_queries, dim=0)
            for value in (tokens, first, F.pad(valid, (0, extra)))
        )
        first, cells = (x.flatten(2).transpose(1, 2) for x in (first, query))
        tokens = self.perceptor(tokens, torch.cat([first, cells], 1), valid)
        position = sine_grid(*query.shape[-2:], self.embed_dims, query.device)
        sequence = torch.cat([tokens, cells + position], dim=1)
        for layer in self.layers:
            sequence = layer(sequence, valid)
        points = at_least_float32(self.point_mlp(sequence[:, :num_keypoints]))
        return OneStageOutput(points, valid[:, :num_keypoints])

    def predict(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Predict the keypoints of the queries.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): See :meth:`forward`.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (B, Q, K, 2), normalised, and
            scores (B, Q, K), 1 for keypoints visible in all supports, else 0:
            a regression knows no better.
        """
        points, valid = self(support_features, query_features, batch)
        points = fraction_to_norm(points, self.input_size[::-1])
        shape = (len(batch.adjacency), -1)
        scores = valid.to(points.dtype)
        return points.unflatten(0, shape), scores.unflatten(0, shape)

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Compare keypoints valid in query and all supports.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            dict[str, Tensor]: ``loss_coords``.
        """
        points, valid = self(support_features, query_features, batch)
        target = norm_to_fraction(batch.query_points, self.input_size[::-1])
        target = target.flatten(0, 1)
        valid = valid & batch.query_valid.flatten(0, 1)
        return dict(loss_coords=self.loss_coords(points, target, valid))

    def _pool_supports(
        self, feature_map: Tensor, batch: EpisodeBatch
    ) -> Tensor:
        """Features (B, K, E) under the keypoints' heatmaps, mean of shots."""
        points = norm_to_fraction(batch.support_points, self.input_size[::-1])
        heatmaps = heatmap_profiles(points.flatten(0, 1), (64, 64), self.sigma)
        pooled = pool_features(feature_map, heatmaps)
        return pooled.unflatten(0, batch.support_valid.shape[:2]).mean(dim=1)
