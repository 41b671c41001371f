# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor, nn

from cape_mm.models.layers.cape import (
    DeformablePointDecoder,
    JointEncoder,
    heatmap_profiles,
    pool_features,
    sine_grid,
    sine_identifiers,
)
from cape_mm.registry import MODELS, TASK_UTILS
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import fraction_to_norm, norm_to_fraction

Features = Tuple[Tensor, ...]


class MetaPoints(NamedTuple):
    """Meta points of N images, before they know any keypoint."""

    tokens: Tensor  # (N, M, E)
    points: Tensor  # (L, N, M, 2), pixels / side, of each layer
    visibility: Tensor  # (N, M), probability


class MetaPointOutput(NamedTuple):
    """Keypoints of N = B * Q queries; K' slots, K of them keypoints."""

    meta: MetaPoints  # of the queries
    assigned: Tensor  # (N, K') int64, meta point of each slot
    points: Tensor  # (L, N, K, 2), pixels / side, of each layer
    valid: Tensor  # (N, K) bool, visible in all supports


@MODELS.register_module()
class MetaPointHead(BaseHead):
    """Refine class-agnostic meta points to the support's keypoints.

    MetaPoint+ (Chen et al., "Meta-Point Learning and Refining for
    Category-Agnostic Pose Estimation", CVPR 2024): learned embeddings decode
    potential keypoints of any image; those that fit the support's keypoints
    best (Hungarian assignment) start their refinement on the query.

    The arithmetic is that of the authors' code without its dropout at test.
    Keypoints fill slots, absent ones included, which others attend to: the
    number of slots belongs to the weights.

    Args:
        in_channels (Sequence[int]): Channels of the backbone's levels, the
            finest first. Defaults to (512, 1024, 2048).
        embed_dims (int): Channels E. Defaults to 256.
        num_meta_points (int): Number of meta points M, a square. Defaults to
            100.
        num_slots (int): Number of slots; more keypoints make more of them.
            Defaults to 70.
        num_layers (int): Number of layers of both decoders and the encoder.
            Defaults to 3.
        encoder_heads (int): Attention heads of the encoder. Defaults to 8.
        encoder_channels (int): Width of the encoder's feed-forward networks.
            Defaults to 2048.
        sigma (float): Sigma of the support's heatmaps, in cells of 1/64 of
            the input. Defaults to 2.0.
        input_size (Sequence[int]): Width and height of the input. Defaults to
            (256, 256).
        condition_on_query (bool): Whether, in training alone, keypoints that
            are not visible in the query have no meta point. Defaults to True.
        assigner (ConfigType, optional): Defaults to
            :class:`MetaPointAssigner`.
        loss_coords (ConfigType, optional): Loss of the refined keypoints.
            Defaults to :class:`SlackedL1Loss` of means.
        loss_meta (ConfigType, optional): Loss of the assigned meta points.
            Defaults to :class:`SlackedL1Loss` with a weight of 0.1, divided
            by the number of layers.
        visible_weight (float): Weight of the log-probability of visible
            meta points. Defaults to 0.01.
        hidden_weight (float): The same of hidden ones. Defaults to 0.0005.
        dropout (float): Dropout probability. Defaults to 0.1.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (512, 1024, 2048),
        embed_dims: int = 256,
        num_meta_points: int = 100,
        num_slots: int = 70,
        num_layers: int = 3,
        encoder_heads: int = 8,
        encoder_channels: int = 2048,
        sigma: float = 2.0,
        input_size: Sequence[int] = (256, 256),
        condition_on_query: bool = True,
        assigner: ConfigType | None = None,
        loss_coords: ConfigType | None = None,
        loss_meta: ConfigType | None = None,
        visible_weight: float = 0.01,
        hidden_weight: float = 0.0005,
        dropout: float = 0.1,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims
        self.num_slots = num_slots
        self.sigma = sigma
        self.input_size = input_size
        self.condition_on_query = condition_on_query
        self.visible_weight = visible_weight
        self.hidden_weight = hidden_weight
        self.assigner = TASK_UTILS.build(
            assigner or dict(type='cape_mm.MetaPointAssigner')
        )
        self.loss_coords = MODELS.build(
            loss_coords
            or dict(type='cape_mm.SlackedL1Loss', per_keypoint=False)
        )
        self.loss_meta = MODELS.build(
            loss_meta
            or dict(type='cape_mm.SlackedL1Loss', loss_weight=0.1 / num_layers)
        )
        self.level_projections = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, embed_dims, 1),
                nn.GroupNorm(32, embed_dims),
            )
            for channels in in_channels
        )
        self.meta_embedding = nn.Embedding(num_meta_points, embed_dims)
        self.meta_decoder, self.refinement_decoder = (
            DeformablePointDecoder(
                embed_dims,
                num_layers,
                num_levels=len(in_channels),
                feedforward_channels=embed_dims,
                dropout=dropout,
            )
            for _ in range(2)
        )
        self.visibility = nn.Sequential(
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, 2),
        )
        self.support_projection = _two_layers(embed_dims, embed_dims)
        self.encoder_projection = nn.Conv2d(embed_dims, embed_dims, 1)
        self.encoder = JointEncoder(
            embed_dims, encoder_heads, num_layers, encoder_channels, dropout
        )
        self.fusion = _two_layers(3 * embed_dims, embed_dims)
        # Xavier for matrices, zero for the last layer of every point MLP
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for decoder in (self.meta_decoder, self.refinement_decoder):
            for layer, mlp in zip(decoder.layers, decoder.point_mlps):
                layer.cross_attention.init_weights()
                nn.init.zeros_(mlp[-1].weight)

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
        known: Tensor | None = None,
    ) -> MetaPointOutput:
        """Find the keypoints of the queries, without their labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S, C, h, w), the
                finest first.
            query_features (tuple[Tensor]): Levels of (B * Q, C, h, w).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.
            known (Tensor, optional): Mask (B, Q, K), bool, of the keypoints
                that have a meta point. Defaults to all.

        Returns:
            MetaPointOutput: Meta points, their assignment, keypoints.
        """
        num_keypoints = batch.support_valid.shape[2]
        batch = _fill_slots(batch, max(self.num_slots, num_keypoints))
        size = batch.support_valid.shape[:2]  # B, S
        support, query = (
            self._project_levels(features)
            for features in (support_features, query_features)
        )
        support_meta = self._decode_meta_points(support)
        query_meta = self._decode_meta_points(query)
        num_queries = len(query_features[0]) // size[0]

        points = norm_to_fraction(batch.support_points, self.input_size[::-1])
        assigned = self.assigner.assign(
            support_meta.points.unflatten(1, size),
            support_meta.visibility.unflatten(0, size),
            points,
            batch.support_valid,
        )
        context = support_meta.tokens.unflatten(0, size).mean(dim=1)
        per_query = (
            _gather(context, assigned),
            self._pool_supports(support[0], points, batch.support_valid),
            batch.support_valid.all(dim=1),
            assigned,
        )
        support_tokens, tokens, valid, assigned = (
            value.repeat_interleave(num_queries, dim=0) for value in per_query
        )
        tokens = self._encode(query[0], tokens, valid)
        started = valid
        if known is not None:
            extra = valid.shape[1] - num_keypoints
            started = valid & F.pad(known.flatten(0, 1), (0, extra))
        query_tokens, start, support_tokens = (
            value * started.unsqueeze(-1)
            for value in (
                _gather(query_meta.tokens, assigned),
                _gather(query_meta.points[-1], assigned),
                support_tokens,
            )
        )
        tokens = self.fusion(
            torch.cat([tokens, query_tokens, support_tokens], dim=-1)
        )
        refined = self.refinement_decoder(
            tokens * valid.unsqueeze(-1),
            start,
            self._identifiers(tokens.shape[1], self.num_slots, tokens),
            query,
            valid,
        )
        return MetaPointOutput(
            query_meta,
            assigned,
            refined.points[:, :, :num_keypoints],
            valid[:, :num_keypoints],
        )

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
            scores (B, Q, K): probability that the assigned meta point is
            visible on the query.
        """
        output = self(support_features, query_features, batch)
        shape = (len(batch.adjacency), -1)
        assigned = output.assigned[:, : output.valid.shape[1]]
        scores = output.meta.visibility.gather(1, assigned) * output.valid
        points = fraction_to_norm(output.points[-1], self.input_size[::-1])
        return points.unflatten(0, shape), scores.unflatten(0, shape)

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Compare keypoints and meta points with the queries' labels.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            dict[str, Tensor]: ``loss_coords`` of the last layer and
            ``loss_meta`` of its assigned meta points, ``d{i}.loss_coords``
            and ``d{i}.loss_meta`` of earlier ones, ``loss_visible`` and
            ``loss_hidden`` of the meta points.
        """
        known = batch.query_valid
        output = self(
            support_features,
            query_features,
            batch,
            known if self.condition_on_query else None,
        )
        known = known.flatten(0, 1)
        num_keypoints = known.shape[1]
        target = norm_to_fraction(batch.query_points, self.input_size[::-1])
        target = target.flatten(0, 1)
        index = output.assigned[:, :num_keypoints]
        meta = torch.stack([_gather(p, index) for p in output.meta.points])
        both = output.valid & known
        per_layer = dict(
            loss_coords=self.loss_coords(output.points, target, both),
            loss_meta=self.loss_meta(meta, target, known),
        )
        losses = {}
        for name, values in per_layer.items():
            for i, value in enumerate(values):
                last = i == len(values) - 1
                losses[name if last else f'd{i}.{name}'] = value
        visible = torch.zeros_like(output.meta.visibility)
        visible = visible.scatter(1, index, known.to(visible))
        probability = output.meta.visibility
        losses['loss_visible'] = -self.visible_weight * (
            (visible * probability.log()).sum(dim=1).mean()
        )
        losses['loss_hidden'] = -self.hidden_weight * (
            ((1 - visible) * (1 - probability).log()).sum(dim=1).mean()
        )
        return losses

    def _project_levels(self, features: Features) -> list[Tensor]:
        """Levels of equal channels, the coarsest first."""
        return [
            projection(level)
            for projection, level in zip(self.level_projections, features)
        ][::-1]

    def _decode_meta_points(self, levels: list[Tensor]) -> MetaPoints:
        """Meta points of N images, from a grid that spans the input."""
        count = self.meta_embedding.num_embeddings
        side = torch.linspace(0, 1, round(count**0.5), device=levels[0].device)
        y, x = torch.meshgrid(side, side, indexing='ij')
        start = torch.stack([x, y], dim=-1).flatten(0, 1)
        shape = (len(levels[0]), -1, -1)
        decoded = self.meta_decoder(
            self.meta_embedding.weight.expand(shape),
            start.expand(shape),
            self._identifiers(count, count, levels[0]),
            levels,
        )
        probability = self.visibility(decoded.tokens).softmax(dim=-1)[..., 1]
        return MetaPoints(*decoded, probability.clamp(0.01, 0.99))

    def _pool_supports(
        self, feature_map: Tensor, points: Tensor, visible: Tensor
    ) -> Tensor:
        """Tokens (B, K', E): mean over the shots where visible."""
        heatmaps = heatmap_profiles(points.flatten(0, 1), (64, 64), self.sigma)
        pooled = self.support_projection(pool_features(feature_map, heatmaps))
        pooled = pooled.unflatten(0, visible.shape[:2])
        weights = visible.unsqueeze(-1).to(pooled.dtype)
        return (pooled * weights).sum(1) / weights.sum(1).clamp(min=1)

    def _encode(
        self, feature_map: Tensor, tokens: Tensor, real: Tensor
    ) -> Tensor:
        """Tokens (N, K', E) that have attended to the query."""
        cells = self.encoder_projection(feature_map)
        return self.encoder(
            cells.flatten(2).transpose(1, 2),
            tokens * real.unsqueeze(-1),
            sine_grid(*cells.shape[-2:], self.embed_dims, cells.device),
            self._identifiers(tokens.shape[1], self.num_slots, tokens),
            real,
        )[1]

    def _identifiers(self, count: int, num_slots: int, like: Tensor) -> Tensor:
        return sine_identifiers(count, num_slots, self.embed_dims, like.device)


def _two_layers(in_channels: int, channels: int) -> nn.Sequential:
    layers = [nn.Linear(in_channels, channels), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(channels, channels), nn.ReLU())


def _fill_slots(batch: EpisodeBatch, num_slots: int) -> EpisodeBatch:
    """Episodes whose supports have absent keypoints up to a number."""
    extra = num_slots - batch.support_valid.shape[2]
    return replace(
        batch,
        support_points=F.pad(batch.support_points, (0, 0, 0, extra)),
        support_valid=F.pad(batch.support_valid, (0, extra)),
    )


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """Rows (N, K, D) of (N, M, D) by index (N, K)."""
    return values.take_along_dim(index.unsqueeze(-1), dim=1)
