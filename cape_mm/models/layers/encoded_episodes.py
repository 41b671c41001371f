# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from cape_mm.structures import EpisodeBatch

from .autoregressive_decoder import DecoderContext
from .decoding_order import reorder
from .similarity_proposal import Proposal


class EncodedEpisodes(NamedTuple):
    """Everything a head knows of queries before it decodes.

    N = B * Q rows pair each query with its episode's supports.

    Attributes:
        proposal (Proposal): First guesses, keypoints in annotation order.
        valid (Tensor): (N, K), bool, visible in at least one support;
            annotation order.
        order (Tensor): (N, K), decoding order: step *i* decodes keypoint
            ``order[:, i]``.
        context (DecoderContext): Input of the decoder, in decoding order.
    """

    proposal: Proposal
    valid: Tensor
    order: Tensor
    context: DecoderContext

    def targets(self, batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
        """Labels of the queries, in decoding order.

        Args:
            batch (EpisodeBatch): B episodes of Q queries.

        Returns:
            Tuple[Tensor, Tensor]: (N, K, 2), ``(x, y)`` in [0, 1] of the
            query's input, and (N, K), bool, visible in the query and in some
            support.
        """
        target = reorder(batch.query_points.flatten(0, 1), self.order)
        known = batch.query_valid.flatten(0, 1).gather(1, self.order)
        return target, known & self.context.valid[:, :-1]

    def restore(
        self, points: Tensor, batch_size: int
    ) -> tuple[Tensor, Tensor]:
        """Bring decoded points back to annotation order and to episodes.

        Args:
            points (Tensor): (N, K, 2), in decoding order.
            batch_size (int): B.

        Returns:
            Tuple[Tensor, Tensor]: Points (B, Q, K, 2) and scores (B, Q, K) of
            the proposals, 0 for keypoints that no support shows.
        """
        points = reorder(points, self.order.argsort(dim=1))
        scores = self.proposal.scores * self.valid
        shape = (batch_size, -1)
        return points.unflatten(0, shape), scores.unflatten(0, shape)
