# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor, nn

from .autoregressive_layer import AutoregressiveLayer, StepMemory
from .coordinate_embedding import CoordinateEmbedding
from .refinement_layer import RefinementLayer


class DecoderOutput(NamedTuple):
    """Predictions of L layers for T steps.

    Attributes:
        points (Tensor): (L, N, T, 2), ``(x, y)`` in [0, 1] of the input.
        type_logits (Tensor): (L, N, T, 2), token types *keypoint*, *stop*.
        sigma (Tensor, optional): (L, N, T, 2), deviation before the sigmoid.
    """

    points: Tensor
    type_logits: Tensor
    sigma: Tensor | None

    def last_points(self) -> Tensor:
        """Points of the last layer (N, K, 2), without the stop step."""
        return self.points[-1][:, :-1]


class DecoderContext(NamedTuple):
    """What is known before the first keypoint is decoded.

    T = K + 1 steps in decoding order, the last one is *stop*.

    Attributes:
        x (Tensor): (N, T, C), refined tokens.
        identity (Tensor): (N, K, C), tells which keypoint a point is.
        valid (Tensor): (N, T), bool, steps that others may see: keypoints
            the support shows, which come first, and *stop*.
        reference (Tensor): (N, T, 2), points to start from, without
            gradient, ``(x, y)`` in [0, 1] of the query's input.
        position (Tensor): (N, T, C), embedding of ``reference``.
        memory (StepMemory): All keypoints and the image.
        refined (Tuple[DecoderOutput]): Of the refinement layers, L = 1 each.
    """

    x: Tensor
    identity: Tensor
    valid: Tensor
    reference: Tensor
    position: Tensor
    memory: StepMemory
    refined: tuple[DecoderOutput, ...]


class AutoregressiveDecoder(nn.Module):
    """Predict keypoints one after the other, each aligned with its token.

    Refinement layers move all proposals at once. Of the last layer, step *i*
    sees token *i*, the point of step *i - 1* together with the identity of
    that keypoint, all earlier steps, all refined proposals and the image
    around its own. What does not depend on earlier points is computed once
    (:meth:`prepare`), so a step costs little. The same weights run in
    parallel on given points (:meth:`forward`) and step by step with a cache
    (:meth:`generate`); fed with its own output, :meth:`forward` reproduces
    :meth:`generate`.

    No embedding of the step's number exists: a keypoint is known by its
    token alone, never by its place in a list.

    Args:
        embed_dims (int): Channels C.
        num_heads (int): Attention heads.
        num_levels (int): Feature levels.
        num_layers (int): Layers L, of which the last is autoregressive.
        with_sigma (bool): Predict a deviation per coordinate, as likelihood
            losses need it.
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
            RefinementLayer(embed_dims, num_heads, num_levels)
            for _ in range(num_layers - 1)
        )
        self.autoregressive_layer = AutoregressiveLayer(
            embed_dims, num_heads, num_levels
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
        """Exclude from training what only :meth:`forward` needs."""
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
            tokens (Tensor): (N, K, C), in decoding order, valid ones first.
            valid (Tensor): (N, K), bool.
            proposals (Tensor): (N, K, 2), in [0, 1] of the input.
            features (Sequence[Tensor]): Levels of shape (N, C, H, W).

        Returns:
            DecoderContext: Input of :meth:`forward` and :meth:`generate`.
        """
        num_rows = len(tokens)
        x = torch.cat([tokens, self.stop.expand(num_rows, 1, -1)], dim=1)
        centre = proposals.new_full((num_rows, 1, 2), 0.5)
        reference = torch.cat([proposals, centre], dim=1)
        # The stop token is always valid: no row of a mask can be empty.
        valid = torch.cat([valid, torch.ones_like(valid[:, :1])], dim=1)
        everybody = valid.unsqueeze(1)

        refined = []
        mask = everybody | _itself(x)
        for i, layer in enumerate(self.refinement_layers):
            position = self.position(reference)
            x = layer(x, position, reference, features, mask)
            refined.append(self._read_out(x, reference, i))
            reference = refined[-1].points[0].detach()

        layer = self.autoregressive_layer
        position = self.position(reference)
        placed = x + position
        memory = StepMemory(
            layer.memory_attention.project(placed, x),
            everybody,
            layer.local_attention.look(placed, reference, features),
        )
        return DecoderContext(
            x,
            self.previous_identity(x[:, :-1]),
            valid,
            reference,
            position,
            memory,
            tuple(refined),
        )

    def forward(
        self, context: DecoderContext, points: Tensor, known: Tensor
    ) -> DecoderOutput:
        """Decode all keypoints and the stop step at once from given points.

        Args:
            context (DecoderContext): From :meth:`prepare`.
            points (Tensor): (N, K, 2), point *i* is fed to step *i + 1*;
                ``(x, y)`` in [0, 1] of the input, in decoding order.
            known (Tensor): (N, K), bool; a point that is not known is
                replaced by a learned embedding.

        Returns:
            DecoderOutput: Of all layers; T = K + 1 steps.
        """
        begin = self.begin.expand(len(known), 1, -1)
        told = self._tell(points, context.identity, known)
        # The stop step hears of none: padded slots may lie before it.
        nothing = torch.zeros_like(begin)
        told = torch.cat([begin, told[:, :-1], nothing], dim=1)
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        return self._decode(context, told, mask.tril())

    def parallel(self, context: DecoderContext) -> DecoderOutput:
        """Decode all keypoints at once, none told where another one lies.

        Args:
            context (DecoderContext): From :meth:`prepare`.

        Returns:
            DecoderOutput: Of all layers; T = K + 1 steps.
        """
        told = self.unknown.expand_as(context.x)
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        return self._decode(context, told, mask)

    def generate(self, context: DecoderContext) -> Tensor:
        """Decode step by step, each step fed with the one before.

        Args:
            context (DecoderContext): From :meth:`prepare`.

        Returns:
            Tensor: (N, K, 2), ``(x, y)`` in [0, 1] of the input, in decoding
            order. Their number is that of the support, so no stop step is
            needed.
        """
        points = []
        past = None
        told = self.begin.expand(len(context.x), 1, -1)
        # A step sees earlier valid ones and itself.
        mask = context.valid.unsqueeze(1) | _itself(context.x)
        for i in range(context.identity.shape[1]):
            step = slice(i, i + 1)
            x, past = self.autoregressive_layer(
                context.x[:, step] + told,
                context.position[:, step],
                context.memory.step(i),
                mask[:, step, : i + 1],
                past,
            )
            normed = self.norms[-1](x)
            points.append(self._move(normed, context.reference[:, step], -1))
            told = self._tell(
                points[-1], context.identity[:, step], context.valid[:, step]
            )
        return torch.cat(points, dim=1)

    def _decode(
        self, context: DecoderContext, told: Tensor, mask: Tensor
    ) -> DecoderOutput:
        """All steps at once; step *i* is told ``told[:, i]``."""
        x, _ = self.autoregressive_layer(
            context.x + told, context.position, context.memory, mask
        )
        layers = (*context.refined, self._read_out(x, context.reference, -1))
        points, type_logits, sigma = zip(*layers)
        return DecoderOutput(
            torch.cat(points),
            torch.cat(type_logits),
            None if sigma[0] is None else torch.cat(sigma),
        )

    def _tell(self, points: Tensor, identity: Tensor, known: Tensor) -> Tensor:
        """What the next step is told: which keypoint lies where."""
        told = self.previous_point(points) + identity
        return torch.where(known.unsqueeze(-1), told, self.unknown)

    def _move(self, normed: Tensor, reference: Tensor, layer: int) -> Tensor:
        """Points of a layer: its references, moved."""
        shift = self.point_branches[layer](normed)
        return (reference.logit(eps=1e-4) + shift).sigmoid()

    def _read_out(
        self, x: Tensor, reference: Tensor, layer: int
    ) -> DecoderOutput:
        """All predictions of one layer."""
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
    """(T, T), bool: every step of (N, T, C) sees itself."""
    return torch.eye(x.shape[1], dtype=torch.bool, device=x.device)


def _regression_branch(embed_dims: int) -> nn.Sequential:
    """Two layers to a pair of numbers, which are zero at the start."""
    branch = nn.Sequential(
        nn.Linear(embed_dims, embed_dims),
        nn.GELU(),
        nn.Linear(embed_dims, 2),
    )
    nn.init.zeros_(branch[-1].weight)
    nn.init.zeros_(branch[-1].bias)
    return branch
