# Copyright (c) cape_mm contributors. All rights reserved.
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from .attention import KeyValue
from .coordinate_embedding import CoordinateEmbedding
from .decoder_layer import DecoderLayer, LayerMemory


class DecoderContext(NamedTuple):
    """What is known before the first keypoint is decoded.

    Attributes:
        tokens (Tensor): (N, K, C), support tokens in decoding order.
        valid (Tensor): (N, K), bool, keypoints the support shows. They come
            first in decoding order.
        proposals (Tensor): (N, K, 2), first references, ``(x, y)`` in [0, 1]
            of the query's input.
        memory (Tuple[LayerMemory]): Support and image for each layer.
        memory_mask (Tensor): (N, 1, K + 1), bool.
    """

    tokens: Tensor
    valid: Tensor
    proposals: Tensor
    memory: Tuple[LayerMemory, ...]
    memory_mask: Tensor


class DecoderOutput(NamedTuple):
    """Predictions of all L layers for T steps.

    Attributes:
        points (Tensor): (L, N, T, 2), ``(x, y)`` in [0, 1] of the input.
        type_logits (Tensor): (L, N, T, 2), token types *keypoint*, *stop*.
        sigma (Tensor, optional): (L, N, T, 2), deviation before the sigmoid.
    """

    points: Tensor
    type_logits: Tensor
    sigma: Optional[Tensor]


class AutoregressiveDecoder(nn.Module):
    """Predict keypoints one after the other, each aligned with its token.

    Step *i* sees support token *i*, the point of step *i - 1* together with
    the identity of that keypoint, all earlier steps, the whole support and
    the image around its reference. Each layer moves the reference, starting
    from the proposal. The same weights run in parallel on given points
    (:meth:`forward`) and step by step with a cache (:meth:`generate`); fed
    with its own output, :meth:`forward` reproduces :meth:`generate`.

    No embedding of the step's number exists: a keypoint is known by its
    token alone, never by its place in a list.

    Args:
        embed_dims (int): Channels C.
        num_heads (int): Attention heads.
        num_levels (int): Feature levels.
        num_layers (int): Decoder layers L.
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
        self.previous_token = nn.Linear(embed_dims, embed_dims)
        self.position = CoordinateEmbedding(embed_dims)
        self.layers = nn.ModuleList(
            DecoderLayer(embed_dims, num_heads, num_levels)
            for _ in range(num_layers)
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

    def prepare(
        self,
        tokens: Tensor,
        valid: Tensor,
        proposals: Tensor,
        features: Sequence[Tensor],
    ) -> DecoderContext:
        """Project everything that stays the same over the steps.

        Args:
            tokens (Tensor): (N, K, C), in decoding order, valid ones first.
            valid (Tensor): (N, K), bool.
            proposals (Tensor): (N, K, 2), in [0, 1] of the input.
            features (Sequence[Tensor]): Levels of shape (N, C, H, W).

        Returns:
            DecoderContext: Input of :meth:`forward` and :meth:`generate`.
        """
        # The stop token is always valid: no row of the mask can be empty.
        stop = self.stop.expand(len(tokens), 1, -1)
        support = torch.cat([tokens + self.position(proposals), stop], dim=1)
        memory = tuple(
            layer.project(support, features) for layer in self.layers
        )
        return DecoderContext(
            tokens,
            valid,
            proposals,
            memory,
            _append_true(valid).unsqueeze(1),
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
            DecoderOutput: T = K + 1 steps, the last one is *stop*.
        """
        num_rows, num_keypoints = known.shape
        begin = self.begin.expand(num_rows, 1, -1)
        fed = self._feedback(points, context.tokens, known)
        x = context.tokens + torch.cat([begin, fed], dim=1)[:, :-1]
        x = torch.cat([x, self.stop.expand(num_rows, 1, -1)], dim=1)
        centre = points.new_full((num_rows, 1, 2), 0.5)
        reference = torch.cat([context.proposals, centre], dim=1)

        steps = num_keypoints + 1
        square = torch.ones(
            steps, steps, dtype=torch.bool, device=points.device
        )
        itself = square.triu().tril()
        speaks = _append_true(context.valid).unsqueeze(1)
        mask = square.tril() & (speaks | itself)
        output, _ = self._refine(
            x, reference, context, mask, [None] * len(self.layers)
        )
        return output

    def generate(self, context: DecoderContext) -> DecoderOutput:
        """Decode step by step, each step fed with the one before.

        Args:
            context (DecoderContext): From :meth:`prepare`.

        Returns:
            DecoderOutput: T = K steps. The number of keypoints is that of
            the support, so no stop step is needed.
        """
        outputs = []
        past = [None] * len(self.layers)
        fed = self.begin.expand(len(context.tokens), 1, -1)
        for i in range(context.tokens.shape[1]):
            step = slice(i, i + 1)
            token, valid = context.tokens[:, step], context.valid[:, step]
            speaks = torch.cat(
                [context.valid[:, :i], torch.ones_like(valid)], dim=1
            )
            output, past = self._refine(
                token + fed,
                context.proposals[:, step],
                context,
                speaks.unsqueeze(1),
                past,
            )
            fed = self._feedback(output.points[-1], token, valid)
            outputs.append(output)
        points, type_logits, sigma = zip(*outputs)
        return DecoderOutput(
            torch.cat(points, dim=2),
            torch.cat(type_logits, dim=2),
            None if sigma[0] is None else torch.cat(sigma, dim=2),
        )

    def _feedback(
        self, points: Tensor, tokens: Tensor, known: Tensor
    ) -> Tensor:
        """What the next step is told: which keypoint lies where."""
        told = self.previous_point(points) + self.previous_token(tokens)
        return torch.where(known.unsqueeze(-1), told, self.unknown)

    def _refine(
        self,
        x: Tensor,
        reference: Tensor,
        context: DecoderContext,
        mask: Tensor,
        past: List[Optional[KeyValue]],
    ) -> Tuple[DecoderOutput, List[KeyValue]]:
        """Run all layers, each moving the (detached) reference."""
        points, type_logits, sigma, present = [], [], [], []
        for i, layer in enumerate(self.layers):
            x, layer_present = layer(
                x,
                self.position(reference),
                reference,
                context.memory[i],
                context.memory_mask,
                mask,
                past[i],
            )
            present.append(layer_present)
            normed = self.norms[i](x)
            moved = reference.logit(eps=1e-4) + self.point_branches[i](normed)
            points.append(moved.sigmoid())
            type_logits.append(self.type_branch(normed))
            if self.sigma_branches is not None:
                sigma.append(self.sigma_branches[i](normed))
            reference = points[-1].detach()
        output = DecoderOutput(
            torch.stack(points),
            torch.stack(type_logits),
            torch.stack(sigma) if sigma else None,
        )
        return output, present


def _append_true(valid: Tensor) -> Tensor:
    """Append a column of True to (N, K), for the stop token."""
    return torch.cat([valid, torch.ones_like(valid[:, :1])], dim=1)


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
