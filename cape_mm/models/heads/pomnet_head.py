# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple

import torch
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks.transformer import BaseTransformerLayer
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor, nn

from cape_mm.models.layers.cape import (
    heatmap_profiles,
    pool_features,
    sine_grid,
)
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import fraction_to_norm, norm_to_fraction

Features = Tuple[Tensor, ...]
# three transposed convolutions of stride 2
_UPSAMPLING = 8


class PomnetOutput(NamedTuple):
    """Heatmaps of N = B * Q queries, each with its episode's supports."""

    heatmaps: Tensor  # (N, K, H, W), 0 where a keypoint is not valid
    valid: Tensor  # (N, K) bool, visible in all supports


@MODELS.register_module()
class PomnetHead(BaseHead):
    """Predict a heatmap of every support keypoint on the query.

    POMNet (Xu et al., "Pose for Everything: Towards Category-Agnostic Pose
    Estimation", ECCV 2022): support features are pooled under the keypoint's
    heatmap, refined by a transformer over the query's features, and joined
    with every cell of the query; transposed convolutions make a heatmap.

    The arithmetic is that of the authors' code, except where theirs fails:
    an episode whose supports have no keypoint in common makes NaN there. Only
    keypoints visible in all supports are decoded, so the statistics of batch
    norm in training are those of all of them at once instead of one slot
    after the other, padding included.

    Args:
        loss (ConfigType): Loss of the heatmaps (N, K, H, W), with weights.
            Defaults to MMPose's ``KeypointMSELoss``.
        in_channels (int): Channels C of the backbone's last level. Defaults
            to 2048.
        embed_dims (int): Channels E of tokens. Defaults to 256.
        num_heads (int): Number of attention heads. Defaults to 8.
        num_encoder_layers (int): Number of layers over the query. Defaults to
            3.
        num_decoder_layers (int): Number of layers over the tokens. Defaults
            to 3.
        feedforward_channels (int): Width of the feed-forward networks.
            Defaults to 2048.
        deconv_channels (int): Channels of the transposed convolutions.
            Defaults to 256.
        sigma (float): Sigma of the heatmaps, in cells. Defaults to 2.0.
        input_size (Sequence[int]): Width and height of the input. Defaults to
            (256, 256).
        num_slots (int): Number of keypoints by which the loss is divided,
            present or not. Defaults to 100.
        dropout (float): Dropout probability. Defaults to 0.1.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        loss: ConfigType | None = None,
        in_channels: int = 2048,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_encoder_layers: int = 3,
        num_decoder_layers: int = 3,
        feedforward_channels: int = 2048,
        deconv_channels: int = 256,
        sigma: float = 2.0,
        input_size: Sequence[int] = (256, 256),
        num_slots: int = 100,
        dropout: float = 0.1,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims
        self.sigma = sigma
        self.input_size = input_size
        self.num_slots = num_slots
        self.loss_module = MODELS.build(
            loss or dict(type='mmpose.KeypointMSELoss', use_target_weight=True)
        )
        self.image_projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.support_projection = nn.Linear(in_channels, embed_dims)

        def layers(count: int, *attentions: str) -> nn.ModuleList:
            order = [name for one in attentions for name in (one, 'norm')]
            return nn.ModuleList(
                BaseTransformerLayer(
                    attn_cfgs=dict(
                        type='MultiheadAttention',
                        embed_dims=embed_dims,
                        num_heads=num_heads,
                        attn_drop=dropout,
                        dropout_layer=dict(type='Dropout', drop_prob=dropout),
                    ),
                    ffn_cfgs=dict(
                        type='FFN',
                        feedforward_channels=feedforward_channels,
                        ffn_drop=dropout,
                    ),
                    operation_order=(*order, 'ffn', 'norm'),
                    batch_first=True,
                )
                for _ in range(count)
            )

        self.encoder = layers(num_encoder_layers, 'self_attn')
        self.decoder = layers(num_decoder_layers, 'self_attn', 'cross_attn')
        self.decoder_norm = nn.LayerNorm(embed_dims)
        self.fusion = ConvModule(
            2 * embed_dims,
            embed_dims,
            3,
            padding=1,
            norm_cfg=dict(type='BN'),
        )
        deconvs, channels = [], embed_dims
        for _ in range(3):
            deconvs += [
                nn.ConvTranspose2d(
                    channels, deconv_channels, 4, 2, 1, bias=False
                ),
                nn.BatchNorm2d(deconv_channels),
                nn.ReLU(inplace=True),
            ]
            channels = deconv_channels
        self.deconv_layers = nn.Sequential(*deconvs)
        self.final_layer = nn.Conv2d(deconv_channels, 1, 1)
        # Xavier for projections and transformer, small normals for maps
        for part in (
            *(self.encoder, self.decoder),
            *(self.image_projection, self.support_projection),
        ):
            for parameter in part.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        for module in (*self.deconv_layers, self.final_layer):
            if isinstance(module, (nn.ConvTranspose2d, nn.Conv2d)):
                nn.init.normal_(module.weight, std=0.001)

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> PomnetOutput:
        """Compute the heatmaps of the queries, without their labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S, C, h, w), of
                which the last one is used.
            query_features (tuple[Tensor]): Levels of (B * Q, C, h, w).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.

        Returns:
            PomnetOutput: Heatmaps of 8 times the size of the features.
        """
        query_map = query_features[-1]
        num_queries = len(query_map) // len(batch.adjacency)
        valid = batch.support_valid.all(dim=1)
        tokens = self._pool_supports(support_features[-1], batch, valid)
        tokens = tokens.repeat_interleave(num_queries, dim=0)
        valid = valid.repeat_interleave(num_queries, dim=0)

        cells = self.image_projection(query_map).flatten(2).transpose(1, 2)
        position = sine_grid(
            *query_map.shape[-2:], self.embed_dims, query_map.device
        ).expand_as(cells)
        for layer in self.encoder:
            cells = layer(cells, query_pos=position)
        hidden = ~valid
        # attention without any key is undefined
        hidden[:, 0] &= ~hidden.all(dim=1)
        for layer in self.decoder:
            tokens = layer(
                tokens,
                cells,
                cells,
                key_pos=position,
                query_key_padding_mask=hidden,
            )
        tokens = self.decoder_norm(tokens)
        heatmaps = self._decode(tokens, cells, valid, query_map.shape[-2:])
        return PomnetOutput(heatmaps, valid)

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
            scores (B, Q, K) in [0, 1], the peaks of the heatmaps.
        """
        output = self(support_features, query_features, batch)
        cells, scores = _find_peaks(output.heatmaps)
        size = _map_size(output.heatmaps)
        points = fraction_to_norm(cells / size, self.input_size[::-1])
        shape = (len(batch.adjacency), -1)
        scores = scores.clamp(0, 1) * output.valid
        return points.unflatten(0, shape), scores.unflatten(0, shape)

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Compare heatmaps of keypoints valid in query and all supports.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            dict[str, Tensor]: ``loss_heatmap``.
        """
        output = self(support_features, query_features, batch)
        known = output.valid & batch.query_valid.flatten(0, 1)
        points = norm_to_fraction(batch.query_points, self.input_size[::-1])
        rows, columns = heatmap_profiles(
            points.flatten(0, 1),
            output.heatmaps.shape[:-3:-1],
            self.sigma,
        )
        target = rows.unsqueeze(-1) * columns.unsqueeze(-2)
        loss = self.loss_module(output.heatmaps, target, known.float())
        return dict(loss_heatmap=loss * known.shape[1] / self.num_slots)

    def _pool_supports(
        self, feature_map: Tensor, batch: EpisodeBatch, valid: Tensor
    ) -> Tensor:
        """Tokens (B, K, E), the mean over the shots."""
        size = [_UPSAMPLING * side for side in feature_map.shape[:-3:-1]]
        points = norm_to_fraction(batch.support_points, self.input_size[::-1])
        heatmaps = heatmap_profiles(points.flatten(0, 1), size, self.sigma)
        pooled = pool_features(feature_map, heatmaps)
        pooled = pooled.unflatten(0, batch.support_valid.shape[:2]).mean(1)
        return self.support_projection(pooled * valid.unsqueeze(-1))

    def _decode(
        self,
        tokens: Tensor,
        cells: Tensor,
        valid: Tensor,
        map_size: tuple[int, int],
    ) -> Tensor:
        """Heatmaps (N, K, H, W) of tokens (N, K, E) on cells (N, h * w, E)."""
        height, width = (_UPSAMPLING * side for side in map_size)
        maps = tokens.new_zeros(*valid.shape, height, width)
        row = valid.nonzero()[:, 0]
        if len(row) == 0:
            # all parameters take part in every backward pass
            unused = (self.fusion, self.deconv_layers, self.final_layer)
            weights = nn.ModuleList(unused).parameters()
            total = tokens.sum() + cells.sum() + sum(w.sum() for w in weights)
            return maps + 0 * total
        features = cells.transpose(1, 2).unflatten(2, map_size)[row]
        token_maps = tokens[valid][..., None, None].expand_as(features)
        joined = self.fusion(torch.cat([features, token_maps], dim=1))
        decoded = self.final_layer(self.deconv_layers(joined)).squeeze(1)
        return maps.masked_scatter(valid[..., None, None], decoded.to(maps))


def _map_size(feature_map: Tensor) -> Tensor:
    """Width and height (2,) of maps (..., H, W)."""
    return torch.tensor(
        feature_map.shape[:-3:-1],
        dtype=torch.float32,
        device=feature_map.device,
    )


def _find_peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Peaks (N, K, 2) of maps (N, K, H, W) in cells, and their values.

    A quarter of a cell towards the larger neighbour, as in MMPose; not at
    the border.
    """
    height, width = heatmaps.shape[-2:]
    maps = heatmaps.float().flatten(2)
    scores, index = maps.max(dim=-1)
    peak = torch.stack([index % width, index // width], dim=-1)
    inside = ((peak > 1) & (peak < _map_size(heatmaps) - 1)).all(dim=-1)
    steps = torch.tensor([1, width, -1, -width], device=maps.device)
    around = (index.unsqueeze(-1) + steps).clamp(0, height * width - 1)
    after, before = maps.gather(2, around).split(2, dim=-1)
    shift = 0.25 * (after - before).sign() * inside.unsqueeze(-1)
    return peak + shift, scores
