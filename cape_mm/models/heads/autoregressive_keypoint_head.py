# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Tuple

import torch
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor

from cape_mm.models.layers.cape import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
    Proposal,
    SimilarityProposal,
    SupportEncoder,
)
from cape_mm.models.losses import token_type_loss
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

Features = Tuple[Tensor, ...]


class EncodedEpisodes(NamedTuple):
    """Queries before decoding: N = B * Q, each with its episode's supports."""

    proposal: Proposal  # first guesses, in annotation order
    valid: Tensor  # (N, K) bool, visible in some support, annotation order
    order: Tensor  # (N, K) int64: step i decodes keypoint order[:, i]
    context: DecoderContext  # input of the decoder, in decoding order

    def targets(self, batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
        """Labels (N, K, 2) in decoding order, and their mask (N, K)."""
        target = _reorder(batch.query_points.flatten(0, 1), self.order)
        known = batch.query_valid.flatten(0, 1).gather(1, self.order)
        return target, known & self.context.valid[:, :-1]

    def restore(
        self, points: Tensor, batch_size: int
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (B, Q, K, 2) in annotation order, and their scores."""
        points = _reorder(points, self.order.argsort(dim=1))
        scores = self.proposal.scores * self.valid
        shape = (batch_size, -1)
        return points.unflatten(0, shape), scores.unflatten(0, shape)


@MODELS.register_module()
class AutoregressiveKeypointHead(BaseHead):
    """Predict the support's keypoints on the query, one after the other.

    Support tokens (image features at the keypoints, coordinates, skeleton)
    are compared with the query's features; the similarity maps propose first
    points, which the decoder refines, in the end autoregressively: step *i*
    is conditioned on its own support token and on the keypoints decoded
    before it. The most certain proposal is decoded first
    (``decode_order='confidence'``), so that hard keypoints can rely on easy
    ones and the result does not depend on the order in which keypoints are
    listed.

    Training feeds the decoder with annotated keypoints (teacher forcing),
    disturbed by noise of sigma :attr:`teacher_noise`, a share
    :attr:`own_prediction_share` of which is replaced by the decoder's own
    predictions from a first, parallel pass without gradient (scheduled
    sampling). :class:`ScheduledSamplingHook` moves both.

    Args:
        loss_coords (ConfigType): Loss of the keypoints of every layer.
        loss_heatmap (ConfigType): Loss of the proposal maps.
        loss_ce_weight (float): Weight of the cross-entropy of token types.
            Defaults to 1.0.
        embed_dims (int): Channels C of the neck's levels and of all tokens.
            Defaults to 256.
        num_heads (int): Number of attention heads. Defaults to 8.
        num_levels (int): Number of the neck's feature levels, the finest
            first. Defaults to 3.
        num_encoder_layers (int): Number of layers of the support encoder.
            Defaults to 2.
        num_decoder_layers (int): Number of layers of the decoder. Defaults
            to 3.
        decode_order (str): ``'confidence'`` or ``'annotation'``. Defaults to
            ``'confidence'``.
        autoregressive (bool): Whether a keypoint is conditioned on others. If
            not, all are decoded in parallel by the same weights, in training
            and test. Defaults to True.
        use_support_features (bool): Whether to sample the support images. If
            not, a support is the geometry of its keypoints alone. Defaults to
            True.
        use_skeleton (bool): Whether to use the skeleton. Defaults to True.
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

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[EncodedEpisodes, Tensor]:
        """Decode the queries, without their labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S, C, H, W).
            query_features (tuple[Tensor]): Levels of (B * Q, C, H, W).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.

        Returns:
            tuple[EncodedEpisodes, Tensor]: State before decoding, and
            keypoints (N, K, 2), normalised, in decoding order.
        """
        encoded = self._encode(support_features, query_features, batch)
        if self.autoregressive:
            return encoded, self.decoder.generate(encoded.context)
        return encoded, self.decoder.parallel(encoded.context).last_points()

    def predict(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
        teacher_forced: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Predict the keypoints of the queries.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): See :meth:`forward`.
            teacher_forced (bool): Whether to decode from the queries' labels:
                a diagnostic, no result. Defaults to False.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (B, Q, K, 2), normalised, and
            scores (B, Q, K) in [0, 1], 0 without a visible support.
        """
        if teacher_forced:
            encoded = self._encode(support_features, query_features, batch)
            points = self._decode_from(
                encoded.context, *encoded.targets(batch)
            ).last_points()
        else:
            encoded, points = self(support_features, query_features, batch)
        return encoded.restore(points, len(batch.adjacency))

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Compute losses over keypoints visible in query and some support.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            dict[str, Tensor]: ``loss_coords``, ``loss_ce`` of the last
            layer, ``d{i}.loss_coords``, ``d{i}.loss_ce`` of the earlier
            ones, ``loss_heatmap`` of the proposal.
        """
        encoded = self._encode(support_features, query_features, batch)
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

    def _encode(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> EncodedEpisodes:
        """Encode supports, propose points and choose the decoding order."""
        tokens = self.support_encoder(
            support_features,
            batch.support_points,
            batch.support_valid,
            batch.adjacency,
        )
        valid = batch.support_valid.any(dim=1)
        num_queries = len(query_features[0]) // len(tokens)
        tokens = tokens.repeat_interleave(num_queries, dim=0)  # (N, K, C)
        valid = valid.repeat_interleave(num_queries, dim=0)  # (N, K)

        proposal = self.proposal(tokens, query_features[0])
        certainty = (
            proposal.scores
            if self.decode_order == 'confidence'
            else torch.zeros_like(proposal.scores)
        )
        # Keypoints without support come last: nothing depends on them there.
        # Equal scores keep their order.
        order = certainty.masked_fill(~valid, -1.0).argsort(
            dim=1, descending=True, stable=True
        )
        context = self.decoder.prepare(
            _reorder(tokens, order),
            valid.gather(1, order),
            _reorder(proposal.points, order),
            query_features,
        )
        return EncodedEpisodes(proposal, valid, order, context)

    def _decode_from(
        self, context: DecoderContext, points: Tensor, known: Tensor
    ) -> DecoderOutput:
        """Decode from given keypoints, if the head is autoregressive."""
        if self.autoregressive:
            return self.decoder(context, points, known)
        return self.decoder.parallel(context)

    def _points_to_feed(
        self, context: DecoderContext, target: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Disturb annotated keypoints, partly replaced by own predictions."""
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
        """Compute the losses of one decoder layer."""
        sigma = None if output.sigma is None else output.sigma[layer][:, :-1]
        return {
            f'{prefix}loss_coords': self.loss_coords(
                output.points[layer][:, :-1], target, known, sigma
            ),
            f'{prefix}loss_ce': self.loss_ce_weight
            * token_type_loss(output.type_logits[layer], known),
        }


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """Reorder (N, K, D) along K by (N, K) indices."""
    return x.take_along_dim(order.unsqueeze(-1), dim=1)
