# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor, nn

from ..attention import KeyValue
from ..points import CoordinateEmbedding
from .decoder_layer import DecoderLayer, DecoderMemory


class DecoderOutput(NamedTuple):
    """Predictions of L layers for T steps."""

    points: Tensor  # keypoints (L, N, T, 2), normalised
    type_logits: Tensor  # (L, N, T, 2) of the types *keypoint* and *stop*
    sigma: Tensor | None  # (L, N, T, 2), before the sigmoid

    def last_points(self) -> Tensor:
        """Keypoints (N, K, 2) of the last layer, without the stop step."""
        return self.points[-1][:, :-1]


class DecoderContext(NamedTuple):
    """State before the first keypoint is decoded.

    T = K + 1 steps in decoding order, the last one is *stop*.
    """

    x: Tensor  # refined tokens (N, T, C)
    identity: Tensor  # (N, K, C), of the keypoints
    # Mask (N, T), bool, of the steps to which others attend: keypoints with a
    # visible support, which come first, and *stop*.
    valid: Tensor
    reference: Tensor  # start points (N, T, 2), normalised, without gradient
    position: Tensor  # embedding (N, T, C) of the references
    memory: DecoderMemory  # of all keypoints
    image: KeyValue  # image around references: (N, T, heads, P, C / heads)
    refined: tuple[DecoderOutput, ...]  # of the refinement layers, L = 1


class AutoregressiveDecoder(nn.Module):
    """Predict keypoints one after the other, each aligned with its token.

    Refinement layers move all proposals at once. In the last layer, step *i*
    receives token *i* and, as feedback, point and identity of the keypoint of
    step *i - 1*; it attends to all earlier steps, all refined proposals and
    the image around its own. What does not depend on earlier points is
    computed once (:meth:`prepare`), so a step costs little. The same weights
    run in parallel on given points (:meth:`forward`) and step by step with a
    cache (:meth:`generate`); fed with its own output, :meth:`forward`
    reproduces :meth:`generate`.

    No embedding of the step's number exists: a keypoint is identified by its
    token alone, never by its place in a list.

    Args:
        embed_dims (int): Channels C.
        num_heads (int): Number of attention heads.
        num_levels (int): Number of feature levels.
        num_layers (int): Number L of layers, the last of which is
            autoregressive. Defaults to 3.
        with_sigma (bool): Whether to predict a sigma per coordinate, which
            likelihood losses need. Defaults to False.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        num_layers: int = 3,
        with_sigma: bool = False,
    ) -> None:
        super().__init__()

        def embedding() -> nn.Parameter:
            return nn.Parameter(0.02 * torch.randn(embed_dims))

        self.begin, self.unknown, self.stop = (embedding() for _ in range(3))
        self.previous_point = CoordinateEmbedding(embed_dims)
        self.previous_identity = nn.Linear(embed_dims, embed_dims)
        self.position = CoordinateEmbedding(embed_dims)
        self.refinement_layers = nn.ModuleList(
            DecoderLayer(embed_dims, num_heads, num_levels)
            for _ in range(num_layers - 1)
        )
        self.autoregressive_layer = DecoderLayer(
            embed_dims, num_heads, num_levels, with_memory=True
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(embed_dims) for _ in range(num_layers)
        )
        self.type_branch = nn.Linear(embed_dims, 2)
        self.point_branches = nn.ModuleList(
            _regression_branch(embed_dims) for _ in range(num_layers)
        )
        self.sigma_branches = (
            nn.ModuleList(
                _regression_branch(embed_dims) for _ in range(num_layers)
            )
            if with_sigma
            else None
        )

    def freeze_feedback(self) -> None:
        """Exclude the parameters of the feedback from training."""
        self.begin.requires_grad_(False)
        self.previous_point.requires_grad_(False)
        self.previous_identity.requires_grad_(False)

    def prepare(
        self,
        tokens: Tensor,
        valid: Tensor,
        proposals: Tensor,
        features: Sequence[Tensor],
    ) -> DecoderContext:
        """Compute everything that does not depend on decoded points.

        Args:
            tokens (Tensor): Tokens (N, K, C) in decoding order, valid ones
                first.
            valid (Tensor): Mask (N, K), bool.
            proposals (Tensor): First points (N, K, 2), normalised.
            features (Sequence[Tensor]): Feature levels, each (N, C, H, W).
        """
        num_rows = len(tokens)
        x = torch.cat([tokens, self.stop.expand(num_rows, 1, -1)], dim=1)
        centre = proposals.new_full((num_rows, 1, 2), 0.5)
        reference = torch.cat([proposals, centre], dim=1)
        # The stop token is always valid: no row of a mask can be empty.
        valid = torch.cat([valid, torch.ones_like(valid[:, :1])], dim=1)

        refined = []
        mask = valid.unsqueeze(1) | _itself(x)
        for i, layer in enumerate(self.refinement_layers):
            position = self.position(reference)
            image = layer.local_attention.sample(
                x + position, reference, features
            )
            x, _ = layer(x, position, image, mask)
            refined.append(self._read_out(x, reference, i))
            reference = refined[-1].points[0].detach()

        layer = self.autoregressive_layer
        position = self.position(reference)
        placed = x + position
        memory = DecoderMemory(
            layer.memory_attention.project(placed, x), valid.unsqueeze(1)
        )
        return DecoderContext(
            x,
            self.previous_identity(x[:, :-1]),
            valid,
            reference,
            position,
            memory,
            layer.local_attention.sample(placed, reference, features),
            tuple(refined),
        )

    def forward(
        self, context: DecoderContext, points: Tensor, known: Tensor
    ) -> DecoderOutput:
        """Decode all keypoints and the stop step at once from given points.

        Point *i* of (N, K, 2), normalised, in decoding order, is fed to step
        *i + 1*. A learned embedding replaces those outside of the mask
        ``known`` (N, K).
        """
        begin = self.begin.expand(len(known), 1, -1)
        feedback = self._feedback(points, context.identity, known)
        # None for the stop step: padded slots may lie before it.
        none = torch.zeros_like(begin)
        feedback = torch.cat([begin, feedback[:, :-1], none], dim=1)
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        return self._decode(context, feedback, mask.tril())

    def parallel(self, context: DecoderContext) -> DecoderOutput:
        """Decode all keypoints and the stop step at once, without feedback."""
        feedback = self.unknown.expand_as(context.x)
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        return self._decode(context, feedback, mask)

    def generate(self, context: DecoderContext) -> Tensor:
        """Decode step by step, each step fed with the one before.

        The keypoints (N, K, 2), normalised, are in decoding order. Their
        number is that of the support, so no stop step is needed.
        """
        points = []
        past = None
        feedback = self.begin.expand(len(context.x), 1, -1)
        # A step attends to earlier valid ones and itself.
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        for i in range(context.identity.shape[1]):
            step = slice(i, i + 1)
            x, past = self.autoregressive_layer(
                context.x[:, step] + feedback,
                context.position[:, step],
                KeyValue(*(side[:, step] for side in context.image)),
                mask[:, step, : i + 1],
                context.memory,
                past,
            )
            normed = self.norms[-1](x)
            points.append(self._move(normed, context.reference[:, step], -1))
            feedback = self._feedback(
                points[-1], context.identity[:, step], context.valid[:, step]
            )
        return torch.cat(points, dim=1)

    def _decode(
        self, context: DecoderContext, feedback: Tensor, mask: Tensor
    ) -> DecoderOutput:
        """Run all steps at once."""
        x, _ = self.autoregressive_layer(
            context.x + feedback,
            context.position,
            context.image,
            mask,
            context.memory,
        )
        layers = (*context.refined, self._read_out(x, context.reference, -1))
        points, type_logits, sigma = zip(*layers)
        return DecoderOutput(
            torch.cat(points),
            torch.cat(type_logits),
            None if sigma[0] is None else torch.cat(sigma),
        )

    def _feedback(
        self, points: Tensor, identity: Tensor, known: Tensor
    ) -> Tensor:
        """Embed which keypoint lies where, for the next step."""
        feedback = self.previous_point(points) + identity
        return torch.where(known.unsqueeze(-1), feedback, self.unknown)

    def _move(self, normed: Tensor, reference: Tensor, layer: int) -> Tensor:
        """Keypoints of a layer: its references, moved."""
        shift = self.point_branches[layer](normed)
        return (reference.logit(eps=1e-4) + shift).sigmoid()

    def _read_out(
        self, x: Tensor, reference: Tensor, layer: int
    ) -> DecoderOutput:
        """Predict from the tokens of one layer."""
        normed = self.norms[layer](x)
        sigma = None
        if self.sigma_branches is not None:
            sigma = self.sigma_branches[layer](normed).unsqueeze(0)
        return DecoderOutput(
            self._move(normed, reference, layer).unsqueeze(0),
            self.type_branch(normed).unsqueeze(0),
            sigma,
        )


def _itself(x: Tensor) -> Tensor:
    """Mask (T, T), bool, by which steps of (N, T, C) attend to themselves."""
    return torch.eye(x.shape[1], dtype=torch.bool, device=x.device)


def _regression_branch(embed_dims: int) -> nn.Sequential:
    """Two layers to a pair of numbers, zero at the start."""
    branch = nn.Sequential(
        nn.Linear(embed_dims, embed_dims),
        nn.GELU(),
        nn.Linear(embed_dims, 2),
    )
    nn.init.zeros_(branch[-1].weight)
    nn.init.zeros_(branch[-1].bias)
    return branch
