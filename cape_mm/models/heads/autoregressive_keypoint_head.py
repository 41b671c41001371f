# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Tuple

import torch
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor

from cape_mm.models.layers import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
    EncodedEpisodes,
    SimilarityProposal,
    SupportEncoder,
    most_certain_first,
    reorder,
)
from cape_mm.models.losses import token_type_loss
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class AutoregressiveKeypointHead(BaseHead):
    """Predict the support's keypoints on the query, one after the other.

    Support tokens (image features at the keypoints, coordinates, skeleton)
    are compared with the query's features; the similarity maps propose first
    points, which the decoder refines, in the end autoregressively: step *i*
    is conditioned on its own support token and on the points decoded before
    it. The most certain proposal is decoded first
    (``decode_order='confidence'``), so that hard keypoints can lean on easy
    ones and the result does not depend on the order in which keypoints are
    listed.

    Training feeds the decoder with annotated points (teacher forcing),
    disturbed by noise of deviation :attr:`teacher_noise`, a share
    :attr:`own_prediction_share` of which is replaced by the decoder's own
    predictions from a first, parallel pass without gradient (scheduled
    sampling). :class:`ScheduledSamplingHook` moves both.

    Args:
        loss_coords (ConfigType): Loss of the points of every layer.
        loss_heatmap (ConfigType): Loss of the proposal maps.
        loss_ce_weight (float): Weight of the cross-entropy of token types.
        embed_dims (int): Channels C of the neck's levels and of all tokens.
        num_heads (int): Attention heads.
        num_levels (int): Feature levels of the neck, the finest first.
        num_encoder_layers (int): Layers of the support encoder.
        num_decoder_layers (int): Layers of the decoder.
        decode_order (str): ``'confidence'`` or ``'annotation'``.
        autoregressive (bool): If False, no point is told to another one, in
            training and test: all are decoded in parallel, by the same
            weights.
        use_support_features (bool): Read the support images. If False, the
            support is its keypoints' geometry alone.
        use_skeleton (bool): Use the skeleton.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        loss_coords: ConfigType,
        loss_heatmap: ConfigType,
        loss_ce_weight: float = 1.0,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_levels: int = 3,
        num_encoder_layers: int = 2,
        num_decoder_layers: int = 3,
        decode_order: str = 'confidence',
        autoregressive: bool = True,
        use_support_features: bool = True,
        use_skeleton: bool = True,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        if decode_order not in ('confidence', 'annotation'):
            raise ValueError(
                "decode_order must be 'confidence' or 'annotation', got "
                f'{decode_order!r}'
            )
        self.decode_order = decode_order
        self.autoregressive = autoregressive
        self.loss_coords = MODELS.build(loss_coords)
        self.loss_ce_weight = loss_ce_weight
        self.loss_heatmap = MODELS.build(loss_heatmap)
        self.support_encoder = SupportEncoder(
            embed_dims,
            num_heads,
            num_levels,
            num_encoder_layers,
            use_support_features,
            use_skeleton,
        )
        self.proposal = SimilarityProposal(embed_dims)
        self.decoder = AutoregressiveDecoder(
            embed_dims,
            num_heads,
            num_levels,
            num_decoder_layers,
            with_sigma=self.loss_coords.needs_sigma,
        )
        if not autoregressive:
            self.decoder.freeze_feedback()
        self.teacher_noise = 0.0
        self.own_prediction_share = 0.0

    def encode(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> EncodedEpisodes:
        """Encode supports, propose points and choose the decoding order.

        Args:
            support_features (Tuple[Tensor]): Levels of (B * S, C, H, W).
            query_features (Tuple[Tensor]): Levels of (B * Q, C, H, W).
            batch (EpisodeBatch): Of its labels, only the supports' are read.

        Returns:
            EncodedEpisodes: Input of the decoder.
        """
        tokens = self.support_encoder(
            support_features,
            batch.support_points,
            batch.support_valid,
            batch.adjacency,
        )
        valid = batch.support_valid.any(dim=1)
        num_queries = len(query_features[0]) // len(tokens)
        tokens = tokens.repeat_interleave(num_queries, dim=0)
        valid = valid.repeat_interleave(num_queries, dim=0)

        proposal = self.proposal(tokens, query_features[0])
        certainty = (
            proposal.scores
            if self.decode_order == 'confidence'
            else torch.zeros_like(proposal.scores)
        )
        order = most_certain_first(certainty, valid)
        context = self.decoder.prepare(
            reorder(tokens, order),
            valid.gather(1, order),
            reorder(proposal.points, order),
            query_features,
        )
        return EncodedEpisodes(proposal, valid, order, context)

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Predict.

        Args:
            support_features (Tuple[Tensor]): See :meth:`encode`.
            query_features (Tuple[Tensor]): See :meth:`encode`.
            batch (EpisodeBatch): Of its labels, only the supports' are read.

        Returns:
            Tuple[Tensor, Tensor]: Points (B, Q, K, 2), ``(x, y)`` in [0, 1]
            of the query's input, and scores (B, Q, K) in [0, 1], 0 for
            keypoints that no support shows.
        """
        encoded = self.encode(support_features, query_features, batch)
        points = self.decode(encoded.context)
        return encoded.restore(points, len(batch.adjacency))

    def decode(self, context: DecoderContext) -> Tensor:
        """Decode without knowing any point, as in test.

        Args:
            context (DecoderContext): Of :meth:`encode`.

        Returns:
            Tensor: (N, K, 2), ``(x, y)`` in [0, 1] of the query's input, in
            decoding order.
        """
        if self.autoregressive:
            return self.decoder.generate(context)
        return self.decoder.parallel(context).last_points()

    def predict(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """The same as :meth:`forward`, by the name MMPose uses."""
        return self.forward(support_features, query_features, batch)

    def teacher_forced(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Predict from annotated previous points: a diagnostic, no result.

        Takes labels of supports and queries, returns what :meth:`forward`
        does.
        """
        encoded = self.encode(support_features, query_features, batch)
        target, known = encoded.targets(batch)
        output = self._decode_from(encoded.context, target, known)
        return encoded.restore(output.last_points(), len(batch.adjacency))

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Losses over keypoints visible in the query and in some support.

        Args:
            support_features (Tuple[Tensor]): Levels of (B * S, C, H, W).
            query_features (Tuple[Tensor]): Levels of (B * Q, C, H, W).
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            Dict[str, Tensor]: ``loss_coords``, ``loss_ce`` of the last
            layer, ``d{i}.loss_coords``, ``d{i}.loss_ce`` of the earlier
            ones, ``loss_heatmap`` of the proposal.
        """
        encoded = self.encode(support_features, query_features, batch)
        target, known = encoded.targets(batch)
        output = self._decode_from(
            encoded.context,
            *self._points_to_feed(encoded.context, target, known),
        )

        losses = {}
        num_layers = len(output.points)
        for i in range(num_layers):
            prefix = '' if i == num_layers - 1 else f'd{i}.'
            losses.update(self._layer_loss(output, i, prefix, target, known))
        losses['loss_heatmap'] = self.loss_heatmap(
            encoded.proposal,
            batch.query_points.flatten(0, 1),
            encoded.valid & batch.query_valid.flatten(0, 1),
        )
        return losses

    def _decode_from(
        self, context: DecoderContext, points: Tensor, known: Tensor
    ) -> DecoderOutput:
        """Decode from given points, where points are told at all."""
        if self.autoregressive:
            return self.decoder(context, points, known)
        return self.decoder.parallel(context)

    def _points_to_feed(
        self, context: DecoderContext, target: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Noisy annotated points, partly replaced by own predictions."""
        points = target + self.teacher_noise * torch.randn_like(target)
        if self.autoregressive and self.own_prediction_share > 0:
            with torch.no_grad():
                own = self.decoder(context, points, known).last_points()
            # Autocast would hand the weights it has cast without gradient to
            # the next pass, which needs it.
            torch.clear_autocast_cache()
            replace = (
                torch.rand_like(points[..., 0]) < self.own_prediction_share
            )
            points = torch.where(replace.unsqueeze(-1), own, points)
            known = torch.where(replace, context.valid[:, :-1], known)
        return points, known

    def _layer_loss(
        self,
        output: DecoderOutput,
        layer: int,
        prefix: str,
        target: Tensor,
        known: Tensor,
    ) -> dict[str, Tensor]:
        """Losses of one decoder layer."""
        sigma = None if output.sigma is None else output.sigma[layer][:, :-1]
        return {
            f'{prefix}loss_coords': self.loss_coords(
                output.points[layer][:, :-1], target, known, sigma
            ),
            f'{prefix}loss_ce': self.loss_ce_weight
            * token_type_loss(output.type_logits[layer], known),
        }
