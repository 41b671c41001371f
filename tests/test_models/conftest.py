# Copyright (c) cape_mm contributors. All rights reserved.
"""A small head with random weights and random episodes for it.

Branches that start at zero are randomised too: with zeros, many of the
equalities tested here would hold trivially.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Callable, Iterator

import pytest
import torch
from support.episodes import make_episodes

from cape_mm.models.heads import AutoregressiveKeypointHead
from cape_mm.structures import EpisodeBatch

EMBED_DIMS = 16
# Not square, so that a swap of x and y shows.
LEVELS = ((6, 8), (3, 4))


@pytest.fixture
def double_precision() -> Iterator[None]:
    """Random weights amplify rounding; equalities need digits to spare."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def make_head(double_precision) -> Callable[..., AutoregressiveKeypointHead]:
    def make(**kwargs) -> AutoregressiveKeypointHead:
        torch.manual_seed(0)
        options = dict(
            loss_coords=dict(type='cape_mm.KeypointL1Loss'),
            loss_heatmap=dict(type='cape_mm.HeatmapKLLoss'),
            embed_dims=EMBED_DIMS,
            num_heads=2,
            num_levels=len(LEVELS),
            num_decoder_layers=2,
        )
        head = AutoregressiveKeypointHead(**dict(options, **kwargs))
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        return head.eval()

    return make


@pytest.fixture
def head(make_head) -> AutoregressiveKeypointHead:
    return make_head()


@pytest.fixture
def features(double_precision) -> Callable[..., tuple]:
    def make(num_images: int, seed: int = 0) -> tuple:
        generator = torch.Generator().manual_seed(seed)
        return tuple(
            torch.randn(num_images, EMBED_DIMS, *size, generator=generator)
            for size in LEVELS
        )

    return make


@pytest.fixture
def make_batch(double_precision) -> Callable[..., EpisodeBatch]:
    return partial(make_episodes, chain=True)


@pytest.fixture
def with_invalid() -> Callable[..., EpisodeBatch]:
    """Mark keypoints of all supports or all queries as invalid."""

    def mark(batch: EpisodeBatch, member: str, keypoints: list):
        valid = getattr(batch, f'{member}_valid').clone()
        valid[..., keypoints] = False
        return replace(batch, **{f'{member}_valid': valid})

    return mark


@pytest.fixture
def move() -> Callable[..., EpisodeBatch]:
    """Move one keypoint of all supports or all queries."""

    def moved(batch: EpisodeBatch, member: str, keypoint: int, by=0.2):
        points = getattr(batch, f'{member}_points').clone()
        points[..., keypoint, :] = (points[..., keypoint, :] + by) % 1
        return replace(batch, **{f'{member}_points': points})

    return moved
