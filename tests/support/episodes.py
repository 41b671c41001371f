# Copyright (c) cape_mm contributors. All rights reserved.
"""Random episodes, and what every head must do with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

import torch
from mmengine.model import BaseModule
from torch import Tensor

from cape_mm.structures import EpisodeBatch


def make_episodes(
    num_episodes: int = 2,
    num_shots: int = 1,
    num_queries: int = 1,
    num_keypoints: int = 5,
    seed: int = 0,
    chain: bool = False,
) -> EpisodeBatch:
    """Episodes whose keypoints are all visible.

    The skeleton is empty, or with ``chain`` a chain of all keypoints but the
    last.
    """
    generator = torch.Generator().manual_seed(seed)

    def labels(members: int) -> tuple:
        shape = (num_episodes, members, num_keypoints)
        points = torch.rand(*shape, 2, generator=generator)
        return points, torch.ones(shape, dtype=torch.bool)

    shape = (num_episodes, num_keypoints, num_keypoints)
    adjacency = torch.zeros(shape, dtype=torch.bool)
    for i in range(num_keypoints - 2 if chain else 0):
        adjacency[:, i, i + 1] = adjacency[:, i + 1, i] = True
    return EpisodeBatch(
        *labels(num_shots),
        *labels(num_queries),
        adjacency,
        torch.arange(num_keypoints).repeat(num_episodes, 1),
    )


def predict(
    head: BaseModule, features: Callable[..., tuple], batch: EpisodeBatch
) -> tuple[Tensor, Tensor]:
    """Prediction of a head for ``features(number of images, seed=...)``."""
    num_episodes, num_shots = batch.support_valid.shape[:2]
    with torch.no_grad():
        return head.predict(
            features(num_episodes * num_shots, seed=0),
            features(num_episodes * batch.query_valid.shape[1], seed=1),
            batch,
        )


def hide_last(batch: EpisodeBatch) -> tuple[EpisodeBatch, EpisodeBatch]:
    """Without the supports' last keypoint, which lies elsewhere in one."""
    valid = batch.support_valid.clone()
    valid[..., -1] = False
    moved = batch.support_points.clone()
    moved[..., -1, :] = 0.9
    return (
        replace(batch, support_valid=valid),
        replace(batch, support_valid=valid, support_points=moved),
    )


def check_pretrained_head(
    head: BaseModule, build: Callable[..., BaseModule], folder: Path
) -> None:
    """Check that weights of ``init_cfg`` survive the initialisation."""
    file = str(folder / 'head.pth')
    torch.save(head.state_dict(), file)
    other = build(init_cfg=dict(type='Pretrained', checkpoint=file))
    other.init_weights()
    for name, value in head.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
