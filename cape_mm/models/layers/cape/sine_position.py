# Copyright (c) cape_mm contributors. All rights reserved.
"""Sine codes of places, without parameters, of CapeFormer and its relatives.

A code has E channels: E / 2 of y, then E / 2 of x, sines and cosines of the
phase interleaved, with wavelengths from 2 pi to 10000 * 2 pi.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_EPS = 1e-6


def sine_code(y_phase: Tensor, x_phase: Tensor, embed_dims: int) -> Tensor:
    """Code of two phases.

    Args:
        y_phase (Tensor): Phases (...), radians.
        x_phase (Tensor): Phases (...), radians.
        embed_dims (int): Channels E, divisible by 4.

    Returns:
        Tensor: Codes (..., E).
    """
    half = embed_dims // 2
    index = torch.arange(half // 2, device=y_phase.device, dtype=y_phase.dtype)
    frequency = 10000 ** (-2 * index / half)
    phases = torch.stack([y_phase, x_phase], -1).unsqueeze(-1) * frequency
    waves = torch.stack([phases.sin(), phases.cos()], dim=-1)
    return waves.flatten(-3)


def sine_points(points: Tensor, embed_dims: int) -> Tensor:
    """Codes (..., E) of points (..., 2) in [0, 1], which are not clamped."""
    x, y = (2 * math.pi * points).unbind(dim=-1)
    return sine_code(y, x, embed_dims)


def sine_grid(
    height: int, width: int, embed_dims: int, device: torch.device
) -> Tensor:
    """Codes (height * width, E), float32, of a map's cells, row by row.

    The phase belongs to the far side of a cell, unlike that of a point: the
    published weights are trained with this half cell.
    """
    rows = _steps(height, height, device)
    columns = _steps(width, width, device)
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    return sine_code(y, x, embed_dims).flatten(0, 1)


def sine_identifiers(
    num_keypoints: int, num_slots: int, embed_dims: int, device: torch.device
) -> Tensor:
    """Codes (K, E), float32, that tell K keypoints apart by their number.

    Args:
        num_keypoints (int): Number of keypoints K.
        num_slots (int): Number of slots with which the weights are trained:
            the phase of a keypoint is its share of it. K may be larger.
        embed_dims (int): Channels E, divisible by 4.
        device (torch.device): Device of the codes.

    Returns:
        Tensor: Codes (K, E).
    """
    x = _steps(num_keypoints, num_slots, device)
    y = _steps(1, 1, device).expand_as(x)
    return sine_code(y, x, embed_dims)


def _steps(count: int, period: int, device: torch.device) -> Tensor:
    """Phases 1 / period ... count / period of the circle."""
    steps = torch.arange(1, count + 1, device=device, dtype=torch.float32)
    return 2 * math.pi * steps / (period + _EPS)
