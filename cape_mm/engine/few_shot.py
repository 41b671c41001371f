# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitting of a head to some labelled images, in about a minute of one CPU.

The backbone is frozen, so that its features of augmented views are computed
once, and an iteration trains the head alone. With MMEngine's runner every
iteration would send its images through the backbone, which costs as much
again as the head does.
"""

from __future__ import annotations

import copy
import math
import time
from typing import NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from cape_mm.models import AlignedHeatmapHead, AlignedMatchingEstimator
from cape_mm.models.layers.cape import KeypointTemplate

#: Matrices (N, 2, 3) into a head's frame, mask (N,) of mirrored instances.
Alignment = Tuple[Tensor, Tensor]

#: Largest change of an augmented view: its alignment by a matcher errs.
MAX_TURN = math.radians(12)
_MAX_SCALE = 0.15
_MAX_SHIFT = 0.04
_MAX_CONTRAST = 0.3
_MAX_BRIGHTNESS = 0.2
_MAX_TINT = 0.1
_BATCH = 8


class Labels(NamedTuple):
    """Labelled instances: images (N, 3, H, W), points (N, K, 2), mask."""

    images: Tensor  # preprocessed
    points: Tensor  # normalised
    valid: Tensor  # (N, K), bool

    def select(self, indices: list[int]) -> Labels:
        """Some of the instances."""
        return Labels(*(value[indices] for value in self))


class Views(NamedTuple):
    """Features of augmented, aligned views and their labels."""

    levels: list[Tensor]  # (V, C, H, W), float16
    points: Tensor  # (V, K, 2), the template's frame
    valid: Tensor  # (V, K), bool
    owners: Tensor  # (V,), index of the instance

    def select(self, index: Tensor) -> Views:
        """Some of the views."""
        levels = [level[index] for level in self.levels]
        return Views(levels, *(value[index] for value in self[1:]))


@torch.no_grad()
def make_views(
    model: AlignedMatchingEstimator,
    template: KeypointTemplate,
    labels: Labels,
    alignments: Sequence[Alignment],
    num_views: int,
    seed: int = 0,
    max_turn: float = MAX_TURN,
) -> Views:
    """Extract features of random views of labelled instances.

    Each view is aligned, then turned, scaled, shifted and changed in
    brightness a little.

    Args:
        model (AlignedMatchingEstimator): Model in evaluation mode.
        template (KeypointTemplate): Template of the head to be fitted, for
            its left and right partners.
        labels (Labels): N instances.
        alignments (Sequence[Alignment]): Alignments of all instances, taken
            in turn: see :func:`align_labels` and :func:`align_boxes`.
        num_views (int): Views of each.
        seed (int): Seed. Defaults to 0.
        max_turn (float): Largest turn of a view, radians. Defaults to 12
            degrees.

    Returns:
        Views: N * ``num_views`` views.
    """
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for number in range(num_views):
        matrices, mirrored = alignments[number % len(alignments)]
        changed = _jitter(matrices, generator, max_turn)
        images = model.align(labels.images, changed)
        levels = [
            torch.cat(level)
            for level in zip(
                *(
                    [level.half() for level in model.extract_aligned(chunk)]
                    for chunk in _recolour(images, generator).split(1)
                )
            )
        ]
        points = template.to_template(labels.points, changed, mirrored)
        valid = template.exchange(labels.valid, mirrored)
        valid = valid & ((points > 0) & (points < 1)).all(-1)
        owners = torch.arange(len(points), device=points.device)
        parts.append((levels, points, valid, owners))
    levels, *rest = zip(*parts)
    return Views(list(map(torch.cat, zip(*levels))), *map(torch.cat, rest))


def align_labels(template: KeypointTemplate, labels: Labels) -> Alignment:
    """Align instances with a template by their own labels."""
    return template(labels.points, labels.valid.to(labels.points))


def align_boxes(
    template: KeypointTemplate, labels: Labels
) -> tuple[list[Alignment], float]:
    """Take the crops of boxes as they are, for a head without alignment.

    Args:
        template (KeypointTemplate): Template, fitted to the instances.
        labels (Labels): N instances.

    Returns:
        tuple[list[Alignment], float]: The plain crop, and the mirrored one
        where some instances but not all are mirrored; the largest turn of a
        view, radians, that covers the turns between instances.
    """
    matrices, mirrored = align_labels(template, labels)
    side = torch.where(mirrored, -1.0, 1.0)
    angles = torch.atan2(side * matrices[:, 1, 0], side * matrices[:, 0, 0])
    difference = (angles[:, None] - angles).abs()
    difference = torch.minimum(difference, 2 * math.pi - difference)
    turn = min(difference.max().item() + math.radians(15), math.pi)
    plain = torch.eye(2, 3).to(matrices).repeat(len(matrices), 1, 1)
    alignments = [(plain, torch.zeros_like(mirrored))]
    if mirrored.any() and not mirrored.all():
        flipped = plain.clone()
        flipped[:, 0, 0], flipped[:, 0, 2] = -1, 1
        alignments.append((flipped, torch.ones_like(mirrored)))
    return alignments, turn


def fit_head(
    head: AlignedHeatmapHead,
    views: Views,
    num_iterations: int,
    learning_rate: float = 6e-3,
    deadline: float = math.inf,
    seed: int = 0,
) -> list[float]:
    """Train a head on cached views.

    AdamW with a one-cycle schedule. Ctrl-C ends it, with the weights so far.

    Args:
        head (AlignedHeatmapHead): Head, in evaluation mode afterwards.
        views (Views): Views to train on.
        num_iterations (int): Iterations of 8 views.
        learning_rate (float): Its maximum. Defaults to 6e-3.
        deadline (float): ``time.monotonic()`` at which to end; fewer
            iterations are planned where these would not be done by then.
            Defaults to never.
        seed (int): Seed of the order. Defaults to 0.

    Returns:
        list[float]: Loss of each iteration.

    Raises:
        KeyboardInterrupt: If it was interrupted.
    """
    # convolutions of CPUs are faster so
    head.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        head.parameters(), learning_rate, weight_decay=1e-4
    )
    generator = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    order = torch.empty(0, dtype=torch.long)
    step, start = 0, time.monotonic()
    try:
        while step < num_iterations:
            if step == 5:  # now the duration of one is known
                left = max(deadline - time.monotonic(), 0.0)
                each = (time.monotonic() - start) / step
                num_iterations = int(min(num_iterations, step + left / each))
            for group in optimizer.param_groups:
                group['lr'] = learning_rate * _one_cycle(step / num_iterations)
            if len(order) < _BATCH:
                fresh = torch.randperm(len(views.points), generator=generator)
                order = torch.cat([order, fresh])
            index, order = order[:_BATCH], order[_BATCH:]
            levels = tuple(level[index].float() for level in views.levels)
            losses_now = head.loss(
                levels, views.points[index], views.valid[index]
            )
            loss = losses_now['loss_keypoints']
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            step += 1
    finally:
        head.eval()
    return losses


class FittingRounds:
    """Fits of a head to views of some instances, each on top of the last.

    Args:
        head (AlignedHeatmapHead): Head in evaluation mode.
        views (Views): Views of all instances.
        num_iterations (int): Iterations of a round.
        seed (int): Seed of the order of views. Defaults to 0.
    """

    def __init__(
        self,
        head: AlignedHeatmapHead,
        views: Views,
        num_iterations: int,
        seed: int = 0,
    ) -> None:
        self.head = head
        self.num_iterations = num_iterations
        self._views = views
        self._seed = seed
        self._first_weights = copy.deepcopy(head.state_dict())
        self._num_rounds = 0

    def restart(self) -> None:
        """Go back to the weights before the first round."""
        self.head.load_state_dict(self._first_weights)
        self._num_rounds = 0

    def fit(
        self, instances: Sequence[int], deadline: float = math.inf
    ) -> list[float]:
        """Fit for one round; see :func:`fit_head`.

        Args:
            instances (Sequence[int]): Instances to learn from.
            deadline (float): ``time.monotonic()`` at which to end. Defaults
                to never.

        Returns:
            list[float]: Loss of each iteration.
        """
        owners = self._views.owners
        chosen = torch.isin(owners, owners.new_tensor(list(instances)))
        losses = fit_head(
            self.head,
            self._views.select(chosen.nonzero()[:, 0]),
            self.num_iterations,
            6e-3 if self._num_rounds == 0 else 4e-3,
            deadline,
            self._seed + self._num_rounds,
        )
        self._num_rounds += 1
        return losses


def _one_cycle(progress: float) -> float:
    """Share of the learning rate: up for 3 tenths, then down, by cosines."""
    if progress < 0.3:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / 0.3)) / 2
    return (1 + math.cos(math.pi * (progress - 0.3) / 0.7)) / 2


def _uniform(like: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    """Random numbers in [-1, 1]."""
    return (2 * torch.rand(*shape, generator=generator) - 1).to(like)


def _jitter(
    matrices: Tensor, generator: torch.Generator, max_turn: float
) -> Tensor:
    """Alignments (N, 2, 3), changed around the middle of the frame."""
    count = len(matrices)
    turn, scale = _uniform(matrices, generator, 2, count)
    angle, size = turn * max_turn, (scale * _MAX_SCALE).exp()
    cos, sin = size * angle.cos(), size * angle.sin()
    change = torch.stack([cos, -sin, sin, cos], -1).view(-1, 2, 2)
    shift = _MAX_SHIFT * _uniform(matrices, generator, count, 2, 1)
    moved = change @ (matrices[..., 2:] - 0.5) + 0.5 + shift
    return torch.cat([change @ matrices[..., :2], moved], -1)


def _recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images with another contrast, brightness and tint."""
    count = len(images)
    contrast = _uniform(images, generator, count, 1, 1, 1) * _MAX_CONTRAST
    brightness = _uniform(images, generator, count, 1, 1, 1) * _MAX_BRIGHTNESS
    tint = _uniform(images, generator, count, 3, 1, 1) * _MAX_TINT
    return images * contrast.exp() + brightness + tint
